package portal

import "testing"

func TestNamesOfOneCompanyResembleEachOther_ORG_09_ORG_10(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		alike bool
	}{
		{"Acme", "ACME Inc.", true},
		{"Acme Ltd", "Acme GmbH", true},
		{"The Acme Company", "acme", true},
		{"Acme Labs", "Acme", true},
		{"Acme Labs", "Acme Foods", false},
		{"Cloud Nine", "CloudNine", true},
		{"Globex", "Globbex", true},
		{"Globex", "Globxx", true},
		{"Globex", "Clobxx", false},
		{"Café Müller", "Cafe\u0301 Mu\u0308ller", true},
		{"Bolt", "Volt", false}, // too short for a letter not to matter
		{"Acme", "Acne", false},
		{"Harbor Retail", "Northbank", false},
		{"Acme", "Аcme", true}, // by a Cyrillic letter
		{"Acme", "Acrne Labs", true},
		{"Globex", "G1obеx", true},
		{"Vvidget", "Widget", true},
		{"Apollo", "Аро11о", true},
		{"Harbor", "Harvor Inc", true},
		{"Inc", "Ltd", false},
		{"Inc", "Inc", true},
		{"!!!", "Acme", false},
		{"!!!", "???", false},
		{"日本商事", "日本商事 Ltd", true},
	} {
		if got := Resembles(c.a, c.b); got != c.alike {
			t.Errorf("%q and %q: %v, want %v", c.a, c.b, got, c.alike)
		}
		if Resembles(c.a, c.b) != Resembles(c.b, c.a) {
			t.Errorf("%q and %q resemble each other one way only", c.a, c.b)
		}
	}
}

func TestOnlyACompanysDomainSaysSomething(t *testing.T) {
	for address, domain := range map[string]string{
		"rita@acme.example": "acme.example", "Rita@ACME.example": "acme.example", "rita@sub.acme.example": "sub.acme.example", "r@bücher.example": "xn--bcher-kva.example",
		"rita@gmail.com": "", "Rita@GMail.com": "", "rita@web.de": "", "rita@gmail.com.example": "gmail.com.example", "": "", "nobody": "",
	} {
		if got := CompanyDomain(address); got != domain {
			t.Errorf("%q: %q, want %q", address, got, domain)
		}
	}
}
