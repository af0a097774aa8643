package portal

import (
	"testing"
	"time"
)

func TestUndoingTakesTenSecondsAndALittleGrace(t *testing.T) {
	done := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for after, may := range map[time.Duration]bool{0: true, 10 * time.Second: true, 12 * time.Second: true, 12*time.Second + time.Millisecond: false, time.Hour: false} {
		if got := MayUndo(done, done.Add(after)); got != may {
			t.Errorf("after %v: %v, want %v", after, got, may)
		}
	}
}
