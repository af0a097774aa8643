package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"portico/portal"
)

const (
	askRegistration = "registration"
	askReset        = "reset"
)

// ask is what somebody has asked for who is not signed in. Noting it is the same
// work for each address: whether there is an account is looked at later.
type ask struct {
	First, Last string
	Email       portal.Email
	Hash        string // of the password; "" if it was compared with an account's
	Same        bool   // it is that account's
	Code        int64  // invite code that was typed, 0: none
	IP          string
}

// ask notes a, to be answered after the transaction.
func (t *tx) ask(kind string, a ask) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO asks (kind, data, made_at) VALUES (?, ?, ?)`, kind, string(data), millis(t.now))
	return err
}

// AnswerAsks does what people have asked for who are not signed in: it makes their
// account, or mails what tells the owner of one. What fails is tried again the next
// time.
func (s *Store) AnswerAsks(ctx context.Context) error {
	for {
		more := false
		err := s.inTx(ctx, func(t *tx) (err error) {
			more, err = t.answerNext()
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

func (t *tx) answerNext() (more bool, err error) {
	var kind, data string
	err = t.row(`DELETE FROM asks WHERE id = (SELECT min(id) FROM asks) RETURNING kind, data`).Scan(&kind, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	var a ask
	if err == nil {
		err = json.Unmarshal([]byte(data), &a)
	}
	if err != nil {
		return false, err
	}
	if kind == askReset {
		return true, t.answerReset(a)
	}
	return true, t.answerRegistration(a)
}
