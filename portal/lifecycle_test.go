package portal

import "testing"

func TestANameIsTypedOrItIsNot(t *testing.T) {
	for _, c := range []struct {
		typed, name string
		same        bool
	}{
		{"Acme Inc", "Acme Inc", true},
		{" acme  INC ", "Acme Inc", true},
		{"Caf\u0065\u0301", "Café", true},
		{"", "Acme", false},
		{"Acme", "Acme Inc", false},
		{"Acme Inc.", "Acme Inc", false},
		{"Acme\u200b", "Acme", false},
	} {
		if got := TypedName(c.typed, c.name); got != c.same {
			t.Errorf("%q for %q: %v, want %v", c.typed, c.name, got, c.same)
		}
	}
}
