package portal

import "strconv"

// Slice is one page of a list, with the cursor of the next ("" at the end).
type Slice[T any] struct {
	Items []T
	Next  string
}

// PageSize is how many rows a page of a list has.
const PageSize = 25

// Count is a number that people see: exact up to MaxCount.
type Count int

// MaxCount is where counting stops: no page counts a whole table.
const MaxCount = 1000

// String writes the count, "1,000+" beyond MaxCount.
func (c Count) String() string {
	switch {
	case c > MaxCount:
		return "1,000+"
	case c == MaxCount:
		return "1,000"
	}
	return strconv.Itoa(int(c))
}
