package handlers

import (
	"net/http"
	"strings"
	"testing"
)

func TestARefusedButtonSaysWhyAndLeavesThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/o/" + w.ids["Acme"] + "/invitations/" + w.ids["ivy invitation"]
	for _, c := range []struct {
		who, what, says string
		status          int
	}{
		{"abe", "/renewal", "Only a Super admin of Acme may do that", http.StatusForbidden},
		{"ann", "/revocation", "", http.StatusOK},
		{"ann", "/revocation", "was revoked by Ann Test", http.StatusConflict},
	} {
		a := w.browser(c.who).do(http.MethodPost, path+c.what, "", hx("page"))
		a.is(t, c.status)
		if c.says == "" {
			continue
		}
		if notice := a.header.Get("HX-Trigger"); !strings.Contains(notice, c.says) {
			t.Errorf("%s by %s: the notice is %q, want it to say %q", c.what, c.who, notice, c.says)
		}
		if a.header.Get("HX-Reswap") != "none" || a.body != "" {
			t.Errorf("%s by %s: the page would be replaced by %q", c.what, c.who, a.body)
		}
	}
}
