package portal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxWords      = 64 // of one thing
	maxWord       = 40 // characters of a word
	maxQueryWords = 5
)

// unaccented are letters that look like others but do not decompose to them.
var unaccented = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i", "ς", "σ")

// Words splits texts into what they are found by: runs of letters and digits,
// lower-cased, without accents, each once. An address falls into its parts.
func Words(texts ...string) []string {
	seen := map[string]bool{}
	var all []string
	for _, text := range texts {
		text = strings.ToLower(norm.NFKD.String(text))
		text = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Mn, r) {
				return -1
			}
			return r
		}, text)
		text = norm.NFC.String(unaccented.Replace(text))
		for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) }) {
			if utf8.RuneCountInString(w) > maxWord {
				w = string([]rune(w)[:maxWord])
			}
			if !seen[w] && len(all) < maxWords {
				seen[w] = true
				all = append(all, w)
			}
		}
	}
	return all
}

// QueryWords are the words of a search, of which the first few count. sought is
// false for an empty search; one of nothing but punctuation has no words.
func QueryWords(query string) (list []string, sought bool) {
	list = Words(query)
	return list[:min(len(list), maxQueryWords)], strings.TrimSpace(query) != ""
}

// Found reports whether each word of query begins a word of texts.
func Found(query string, texts ...string) bool {
	list, sought := QueryWords(query)
	if !sought {
		return true
	}
	has := Words(texts...)
	for _, w := range list {
		begins := false
		for _, h := range has {
			begins = begins || strings.HasPrefix(h, w)
		}
		if !begins {
			return false
		}
	}
	return len(list) > 0
}
