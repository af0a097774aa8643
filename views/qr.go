package views

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/a-h/templ"
	"rsc.io/qr"
)

// quiet is the empty edge around a QR code, in its squares, without which readers
// do not find it.
const quiet = 4

// QR draws text as a QR code: an inline picture, because pages may load none from
// data addresses. It is black on white in dark mode too, or apps cannot read it.
func QR(text, label string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		code, err := qr.Encode(text, qr.M)
		if err != nil {
			return fmt.Errorf("views: draw a QR code: %w", err)
		}
		var squares strings.Builder
		for y := range code.Size {
			for x := range code.Size {
				if code.Black(x, y) {
					fmt.Fprintf(&squares, "M%d %dh1v1h-1z", x+quiet, y+quiet)
				}
			}
		}
		size := code.Size + 2*quiet
		_, err = fmt.Fprintf(w, `<svg class="qr" viewBox="0 0 %d %d" role="img" aria-label="%s" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path fill="#000" d="%s"/></svg>`,
			size, size, templ.EscapeString(label), size, size, squares.String())
		return err
	})
}
