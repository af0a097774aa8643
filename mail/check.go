package mail

import (
	"errors"
	"slices"
	"strings"

	"portico/portal"
)

// Check gives the stored form of a text for mails of that kind, or what is wrong
// with it, by field.
func Check(kind portal.MailKind, t portal.MailText, base string) (portal.MailText, error) {
	t, err := t.Tidy()
	if err != nil {
		return t, err
	}
	_, err = Preview(kind, t, base)
	if err != nil {
		return t, err
	}
	if slices.Contains(needLink, kind) && !strings.Contains(strings.ReplaceAll(t.Body, " ", ""), "{{link}}") {
		return t, portal.Invalidf("body", "This mail is for its link. Keep it in a paragraph of its own: [label]({{link}})")
	}
	return t, nil
}

// needLink are the kinds that are nothing without their link.
var needLink = []portal.MailKind{portal.MailProve, portal.MailReset, portal.MailEmailProve, portal.MailInvitation}

// Preview shows a text with the examples of its variables. What is wrong with it is
// an Invalid Error by field.
func Preview(kind portal.MailKind, t portal.MailText, base string) (Message, error) {
	m := Sample(kind)
	if strings.TrimSpace(t.Body) == "" {
		return Message{}, portal.Invalidf("body", "Enter the text of the mail.")
	}
	msg, err := render(t, m, base+m.LinkTo.Path, base)
	var wrong mistake
	if !errors.As(err, &wrong) {
		return msg, err
	}
	field := "body"
	if errors.As(err, new(inSubject)) {
		field = "subject"
	}
	return msg, portal.Invalidf(field, "%s", string(wrong))
}

// Sample is a mail of that kind with the examples of its variables.
func Sample(kind portal.MailKind) portal.Mail {
	m := portal.Mail{Kind: kind, ToName: everywhere[0].Example, LinkTo: portal.MailLink{Path: "/"}, Data: map[string]string{}}
	for _, v := range kinds[kind].variables {
		m.Data[v.Name] = v.Example
	}
	return m
}
