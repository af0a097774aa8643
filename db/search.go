package db

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"portico/portal"
)

const (
	maxIndexed    = 24 // words of one thing
	maxIndexWord  = 40 // characters of a word
	maxQueryWords = 5
)

// words splits text into what it is found by: runs of letters and digits, folded.
func words(texts ...string) []string {
	seen := map[string]bool{}
	var all []string
	for _, text := range texts {
		for _, w := range strings.FieldsFunc(portal.NameKey(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) }) {
			if utf8.RuneCountInString(w) > maxIndexWord {
				w = string([]rune(w)[:maxIndexWord])
			}
			if !seen[w] && len(all) < maxIndexed {
				seen[w] = true
				all = append(all, w)
			}
		}
	}
	return all
}

// index makes a thing findable by the beginnings of the words in texts.
func (t *tx) index(kind string, id int64, texts ...string) error {
	if _, err := t.exec(`DELETE FROM search_words WHERE kind = ? AND id = ?`, kind, id); err != nil {
		return err
	}
	for _, w := range words(texts...) {
		if _, err := t.exec(`INSERT INTO search_words (kind, word, id) VALUES (?, ?, ?)`, kind, w, id); err != nil {
			return err
		}
	}
	return nil
}

// matching is a condition on column that holds for things of that kind in which
// each word of query begins a word. It is "" for an empty query.
func matching(kind, column, query string) (condition string, args []any) {
	list := words(query)
	if len(list) > maxQueryWords {
		list = list[:maxQueryWords]
	}
	for _, w := range list {
		condition += ` AND ` + column + ` IN (SELECT id FROM search_words WHERE kind = ? AND word >= ? AND word < ?)`
		args = append(args, kind, w, w+string(utf8.MaxRune))
	}
	if len(list) == 0 && strings.TrimSpace(query) != "" {
		return ` AND 0`, nil // only punctuation: nothing is called that
	}
	return condition, args
}
