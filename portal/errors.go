// Package portal holds the rules of Portico: its types, its state machines and
// who may do what. It is pure: no input or output, no clock, no context. Time is
// an argument.
package portal

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of refusal an Error is; handlers turn it into a status.
type Code int

// The kinds of refusal.
const (
	Invalid       Code = iota + 1 // the input is wrong: 422, with messages at the fields
	Forbidden                     // not allowed inside one's own organization: 403
	NotFound                      // absent, of somebody else, or switched off: 404
	Conflict                      // somebody was there first, or the state does not allow it: 409
	Gone                          // was there once and is over: 410
	TooMany                       // a limit is reached: 429
	StaleProof                    // the password must be given again first: 422 at the field
	FactorMissing                 // a second factor must be set up first: leads there
)

// Error is a refusal meant for a person. Any other error is a fault of ours.
type Error struct {
	Code    Code
	Message string            // a sentence that says what to do next
	Fields  map[string]string // message by form field, for Invalid
	Wait    time.Duration     // for TooMany: how long until it can be tried again
	Ref     string            // for Conflict: the public id of what was there first
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error with a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// ErrNotFound is the one answer for what does not exist and for what the actor
// may not know of, so that the two look the same.
var ErrNotFound = &Error{Code: NotFound, Message: "There is nothing here."}

// IsCode reports whether err is an *Error of that code.
func IsCode(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// Problems collects messages by form field.
type Problems map[string]string

// Add notes message at field unless the field has one already.
func (p Problems) Add(field, message string) {
	if _, taken := p[field]; !taken && message != "" {
		p[field] = message
	}
}

// Err is nil without problems, otherwise an Invalid Error that carries them.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Message: "Please check the marked fields.", Fields: p}
}

// Invalidf is an Invalid Error about one field.
func Invalidf(field, format string, args ...any) *Error {
	return &Error{Code: Invalid, Message: "Please check the marked fields.",
		Fields: map[string]string{field: fmt.Sprintf(format, args...)}}
}

// TooManyError is the refusal of a reached limit; what names the thing limited,
// as in "sign-ins". A person reads how long to wait.
func TooManyError(what string, wait time.Duration) *Error {
	return &Error{Code: TooMany, Wait: wait,
		Message: fmt.Sprintf("Too many %s. Try again in %s.", what, waitWords(wait))}
}

func waitWords(d time.Duration) string {
	switch minutes := int((d + time.Minute - 1) / time.Minute); {
	case d <= time.Minute:
		seconds := max(1, int((d+time.Second-1)/time.Second))
		return count(seconds, "second", "seconds")
	case minutes < 120:
		return count(minutes, "minute", "minutes")
	default:
		return count((minutes+59)/60, "hour", "hours")
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
