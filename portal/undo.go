package portal

import "time"

// UndoFor is how long removing a member or revoking an invitation can be undone.
// What is pressed in the last moment may arrive UndoGrace later.
const (
	UndoFor   = 10 * time.Second
	UndoGrace = 2 * time.Second
)

// MayUndo reports whether what was done then can still be undone now.
func MayUndo(done, now time.Time) bool { return now.Sub(done) <= UndoFor+UndoGrace }

// Undone is what somebody has taken back.
type Undone struct {
	Invitation bool   // it was a revocation; otherwise somebody's removal
	Who        string // name of the member, or address of the invited person
}
