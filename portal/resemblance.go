package portal

import (
	"slices"
	"strings"
	"unicode"
)

// Resemblance is an organization that a request may mean instead of a new one.
type Resemblance struct {
	Organization
	Name   bool   // its name is alike
	Domain string // mail domain that its members and the requester share, "" if none
}

// MayJoin reports whether the requester can be invited there.
func (r Resemblance) MayJoin() bool { return r.State == OrgActive }

// Why says in words what is alike.
func (r Resemblance) Why() string {
	switch {
	case r.Name && r.Domain != "":
		return "The name is alike, and members have addresses at " + r.Domain + " too."
	case r.Domain != "":
		return "Members have addresses at " + r.Domain + " too."
	}
	return "The name is alike."
}

// legalForms are words of company names that tell no company from another.
var legalForms = strings.Fields(`ab ag as bv co company corp corporation gmbh group holding holdings inc incorporated kg kk limited
	llc llp ltd nv oy plc pty sa sarl sas se spa srl the ug`)

// Significant are the words of a company's name by which it is told from others,
// folded: all of them if it has nothing but legal forms.
func Significant(name string) []string {
	all := strings.FieldsFunc(NameKey(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
	some := slices.DeleteFunc(slices.Clone(all), func(w string) bool { return slices.Contains(legalForms, w) })
	if len(some) == 0 {
		return all
	}
	return some
}

// twins are letters of other scripts that look like Latin ones, lower case.
var twins = strings.NewReplacer(
	"а", "a", "в", "b", "с", "c", "ԁ", "d", "е", "e", "ё", "e", "һ", "h", "і", "i", "ї", "i", "ӏ", "l", "ј", "j", "к", "k", "м", "m", "н", "h", "о", "o",
	"р", "p", "ԛ", "q", "ѕ", "s", "т", "t", "у", "y", "х", "x", "ԝ", "w",
	"α", "a", "β", "b", "ε", "e", "η", "n", "ι", "i", "κ", "k", "ν", "v", "ο", "o", "ρ", "p", "τ", "t", "υ", "u", "χ", "x", "ı", "i")

// disguises are what may be written in the place of a Latin letter, one by one and
// all at once.
var disguises = []*strings.Replacer{strings.NewReplacer("rn", "m"), strings.NewReplacer("vv", "w"), strings.NewReplacer("0", "o"),
	strings.NewReplacer("1", "l"), strings.NewReplacer("1", "i"), strings.NewReplacer("5", "s"), strings.NewReplacer("rn", "m", "vv", "w", "0", "o", "1", "l", "5", "s")}

// Imitated lists the words that word may be mistaken for, without itself.
func Imitated(word string) []string {
	var all []string
	add := func(w string) {
		if w != word && !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	plain := twins.Replace(word)
	add(plain)
	for _, d := range disguises {
		add(d.Replace(plain))
	}
	return all
}

var looks = strings.NewReplacer("rn", "m", "vv", "w", "0", "o", "1", "l", "5", "s", "i", "l")

// look is a word as it looks: two that are taken for each other have the same one.
func look(word string) string { return looks.Replace(twins.Replace(word)) }

// Resembles reports whether two names may be those of one company, or be taken for
// it: one begins with the words of the other, or with words that look the same, or
// they differ in a letter at most, spaces aside.
func Resembles(a, b string) bool {
	x, y := Significant(a), Significant(b)
	for _, words := range [][]string{x, y} {
		for i, w := range words {
			words[i] = look(w)
		}
	}
	if len(x) == 0 || len(y) == 0 {
		return false
	}
	if n := min(len(x), len(y)); slices.Equal(x[:n], y[:n]) {
		return true
	}
	return nearly([]rune(strings.Join(x, "")), []rune(strings.Join(y, "")))
}

// shortest is how long a name must be for a letter not to matter.
const shortest = 5

// nearly reports whether x becomes y by one letter changed, put in or left out.
func nearly(x, y []rune) bool {
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(y)-len(x) > 1 {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	if i == len(x) && len(x) == len(y) {
		return true
	}
	if len(x) < shortest {
		return false
	}
	if len(x) == len(y) {
		return slices.Equal(x[i+1:], y[i+1:])
	}
	return slices.Equal(x[i:], y[i+1:])
}

// freeMail are domains where anybody gets an address: sharing one says nothing.
var freeMail = strings.Fields(`126.com 163.com aol.com bk.ru bluewin.ch comcast.net duck.com fastmail.com fastmail.fm free.fr freenet.de gmail.com
	gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it
	hushmail.com icloud.com inbox.ru laposte.net libero.it list.ru live.co.uk live.com live.fr live.nl mac.com mail.com mail.ru me.com
	msn.com naver.com orange.fr outlook.com outlook.de outlook.es outlook.fr pm.me proton.me protonmail.ch protonmail.com qq.com
	rediffmail.com rocketmail.com seznam.cz sfr.fr sina.com t-online.de tuta.com tutanota.com uol.com.br verizon.net virgilio.it
	wanadoo.fr web.de wp.pl yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com
	yandex.ru ymail.com zoho.com`)

// CompanyDomain is the domain of a mail address if that belongs to a company, ""
// for one where anybody gets an address.
func CompanyDomain(address string) string {
	email, problem := ParseEmail(address)
	domain := email.Key[strings.LastIndexByte(email.Key, '@')+1:]
	if problem != "" || slices.Contains(freeMail, domain) {
		return ""
	}
	return domain
}
