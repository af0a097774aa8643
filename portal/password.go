package portal

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of a password, in characters. The smallest is a setting.
const (
	MinMinPassword = 8
	MaxMinPassword = 64
	MaxPassword    = 128
)

// common-passwords.json is src/passwords.json of the npm package
// @zxcvbn-ts/language-common 4.1.3 (MIT, see common-passwords.LICENSE), unchanged.
//
//go:embed common-passwords.json
var commonPasswordsJSON []byte

var commonPasswords = sync.OnceValue(func() map[string]bool {
	var list []string
	if err := json.Unmarshal(commonPasswordsJSON, &list); err != nil {
		panic(err) // the embedded file is broken: a build fault
	}
	set := make(map[string]bool, len(list))
	for _, p := range list {
		set[p] = true
	}
	return set
})

// CheckPassword says what is wrong with a new password, or "". about are texts
// the password must not consist of, such as the address it belongs to.
func CheckPassword(password string, minimum int, about ...string) string {
	if len(password) > 4*MaxPassword || utf8.RuneCountInString(password) > MaxPassword {
		return "Use at most 128 characters."
	}
	if !utf8.ValidString(password) {
		return "This is not valid text. Type it again."
	}
	if n := utf8.RuneCountInString(norm.NFC.String(password)); n < minimum {
		if n == 0 {
			return "Enter a password."
		}
		return "Use at least " + strconv.Itoa(minimum) + " characters."
	}
	low := strings.ToLower(password)
	if commonPasswords()[low] || repeats(low) || commonPasswords()[strings.TrimRight(low, "0123456789!.?")] && weakTail(low) {
		return "This password is on lists of common passwords. Choose another; a few words in a row work well."
	}
	for _, a := range about {
		a = strings.ToLower(strings.TrimSpace(a))
		local, _, _ := strings.Cut(a, "@")
		if low == a || len(local) >= 4 && strings.Trim(low, "0123456789!.?") == local {
			return "Choose a password that is not your address."
		}
	}
	if ownWords(low) {
		return "Choose a password that is not made of words like “portal”."
	}
	return ""
}

// contextWords are what somebody tries first at a portal like this one.
var contextWords = []string{"portico", "portal", "developers", "developer"}

// ownWords reports whether all letters of s belong to such words.
func ownWords(s string) bool {
	s = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, s)
	if s == "" {
		return false
	}
	for s != "" {
		i := slices.IndexFunc(contextWords, func(w string) bool { return strings.HasPrefix(s, w) })
		if i < 0 {
			return false
		}
		s = s[len(contextWords[i]):]
	}
	return true
}

// weakTail reports whether what follows the letters is short enough to be
// guessed with them.
func weakTail(low string) bool {
	return len(low)-len(strings.TrimRight(low, "0123456789!.?")) <= 4
}

// repeats reports whether s is a short piece said again and again.
func repeats(s string) bool {
	for n := 1; n <= 4 && n*3 <= len(s); n++ {
		if strings.Repeat(s[:n], len(s)/n+1)[:len(s)] == s {
			return true
		}
	}
	return strings.Contains("01234567890123456789012345678901234567890123456789", s) ||
		strings.Contains("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", s)
}

// NormalPassword is the form that is hashed: NFC, so that the same password
// typed on another keyboard is the same.
func NormalPassword(p string) string { return norm.NFC.String(p) }
