package db

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"portico/portal"
)

func (t *tx) setting(key string) (string, error) {
	var value string
	err := t.row(`SELECT value FROM settings WHERE key = ?`, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

func (t *tx) setSetting(key, value string) error {
	_, err := t.exec(`INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return err
}

func readSettings(ctx context.Context, q querier) (portal.Settings, error) {
	s := portal.DefaultSettings()
	rows, err := q.QueryContext(ctx, `SELECT key, value FROM settings`)
	if err != nil {
		return s, fmt.Errorf("read settings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return s, err
		}
		n, _ := strconv.Atoi(value)
		switch {
		case s.Set(key, value == "on"):
		case key == "admins_factor":
			s.AdminsFactor = value == "on"
		case key == "min_password":
			s.MinPassword = n
		case key == "invitation_hours":
			s.InvitationLife = time.Duration(n) * time.Hour
		case key == "session_idle_hours":
			s.SessionIdle = time.Duration(n) * time.Hour
		case key == "session_days":
			s.SessionAbsolute = time.Duration(n) * 24 * time.Hour
		}
	}
	return s, rows.Err()
}

func (t *tx) settings() (portal.Settings, error) { return readSettings(t.ctx, t) }

// What is remembered of settings.
type (
	settingsOf struct{}
	mailOf     struct{ flags portal.SMTPConfig }
)

// Settings are the portal's settings now. They are no secret; every page asks.
func (s *Store) Settings(ctx context.Context) (portal.Settings, error) {
	return remembered(ctx, s, settingsOf{}, func() (portal.Settings, error) { return readSettings(ctx, s.read) })
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// SetSwitches turns the switches under API Consumer access. Each that really
// changes is an entry in the audit log.
func (s *Store) SetSwitches(ctx context.Context, by portal.Actor, on map[string]bool) error {
	return s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		now, err := t.settings()
		if err != nil {
			return err
		}
		for _, sw := range portal.Switches {
			value, named := on[sw.Key]
			if !named || now.Get(sw.Key) == value {
				continue
			}
			if err := t.setSetting(sw.Key, onOff(value)); err != nil {
				return err
			}
			if err := t.audit(by, 0, portal.AuditSettingChanged, sw.Label, "to "+onOff(value)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Policy is what portal admins set besides the switches.
type Policy struct {
	MinPassword     int // characters
	InvitationHours int
	IdleHours       int
	SessionDays     int
}

// SetPolicy stores the policy, or says at the field what is out of bounds.
func (s *Store) SetPolicy(ctx context.Context, by portal.Actor, p Policy) error {
	problems := portal.Problems{}
	between := func(field string, n, least, most int, unit string) {
		if n < least || n > most {
			problems.Add(field, fmt.Sprintf("Enter a number from %d to %d (%s).", least, most, unit))
		}
	}
	between("min_password", p.MinPassword, portal.MinMinPassword, portal.MaxMinPassword, "characters")
	between("invitation_hours", p.InvitationHours, 1, 30*24, "hours")
	between("session_idle_hours", p.IdleHours, 1, 14*24, "hours")
	between("session_days", p.SessionDays, 1, 90, "days")
	if err := problems.Err(); err != nil {
		return err
	}
	return s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		for _, v := range []struct {
			key, label string
			value      int
		}{
			{"min_password", "Shortest password", p.MinPassword},
			{"invitation_hours", "Hours an invitation works", p.InvitationHours},
			{"session_idle_hours", "Hours until an idle session ends", p.IdleHours},
			{"session_days", "Days until any session ends", p.SessionDays},
		} {
			old, err := t.setting(v.key)
			if err != nil {
				return err
			}
			value := strconv.Itoa(v.value)
			if old == value || old == "" && value == defaultPolicy(v.key) {
				continue
			}
			if err := t.setSetting(v.key, value); err != nil {
				return err
			}
			if err := t.audit(by, 0, portal.AuditSettingChanged, v.label, "to "+value); err != nil {
				return err
			}
		}
		return nil
	})
}

func defaultPolicy(key string) string {
	d := portal.DefaultSettings()
	switch key {
	case "min_password":
		return strconv.Itoa(d.MinPassword)
	case "invitation_hours":
		return strconv.Itoa(int(d.InvitationLife / time.Hour))
	case "session_idle_hours":
		return strconv.Itoa(int(d.SessionIdle / time.Hour))
	case "session_days":
		return strconv.Itoa(int(d.SessionAbsolute / (24 * time.Hour)))
	}
	return ""
}

// sealText and openText are seal and open for a value that is text; the number of
// its key stands in front.
func (k keys) sealText(text, name string) string {
	return strconv.Itoa(k.newest) + ":" + base64.StdEncoding.EncodeToString(k.seal(text, name))
}

func (k keys) openText(value, name string) (string, error) {
	number, text, _ := strings.Cut(value, ":")
	by, err := strconv.Atoi(number)
	if err != nil {
		return "", err
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", err
	}
	return k.open(sealed, by, name)
}

const smtpSeal = "setting smtp_url"

func (s *Store) smtp(ctx context.Context, q querier) (portal.SMTPConfig, error) {
	c := s.SMTP
	get := func(key string) (string, error) {
		var v string
		err := q.QueryRowContext(ctx, `SELECT value FROM settings WHERE key = ?`, key).Scan(&v)
		if errors.Is(err, sql.ErrNoRows) {
			return "", nil
		}
		return v, err
	}
	if !c.ByFlags {
		text, err := get("smtp_url")
		if err != nil {
			return c, err
		}
		if text != "" {
			if c.URL, err = s.keys.openText(text, smtpSeal); err != nil {
				return c, fmt.Errorf("open the mail server's address: %w", err)
			}
		}
	}
	if !c.FromFlag {
		from, err := get("mail_from")
		if err != nil {
			return c, err
		}
		if from != "" {
			c.From = from
		}
	}
	return c, nil
}

// MailConfig is how mail leaves at the moment. It holds the server's password:
// for the worker and for deciding what pages say, not for showing.
func (s *Store) MailConfig(ctx context.Context) (portal.SMTPConfig, error) {
	return remembered(ctx, s, mailOf{s.SMTP}, func() (portal.SMTPConfig, error) { return s.smtp(ctx, s.read) })
}

// SetMail stores the mail server and the sender, but for what flags have set. The
// caller has checked both.
func (s *Store) SetMail(ctx context.Context, by portal.Actor, url, from string) error {
	return s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		if !s.SMTP.ByFlags {
			sealed := ""
			if url != "" {
				sealed = s.keys.sealText(url, smtpSeal)
			}
			if err := t.setSetting("smtp_url", sealed); err != nil {
				return err
			}
		}
		if !s.SMTP.FromFlag {
			if err := t.setSetting("mail_from", from); err != nil {
				return err
			}
		}
		return t.audit(by, 0, portal.AuditMailSettings, "", "")
	})
}
