package hostile

import "testing"

func TestThereAreEnoughOfEachClass(t *testing.T) {
	texts := Texts()
	count, sendable := map[string]int{}, 0
	for _, text := range texts {
		count[text.Class]++
		if text.Sendable() {
			sendable++
		}
	}
	if sendable < 500 {
		t.Errorf("only %d texts can be sent", sendable)
	}
	for class, n := range count {
		if n < 5 {
			t.Errorf("there are %d of %s", n, class)
		}
	}
	t.Logf("%d texts, %d of which can be sent: %v", len(texts), sendable, count)
}
