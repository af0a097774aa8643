package db

import (
	"context"
	"database/sql"
	"fmt"
)

// rekeyBatch is how many credentials are sealed anew in one transaction.
const rekeyBatch = 200

// RotateKey seals every credential, second factor and the mail server's password under a new
// key and forgets the old one. Links and the audit log keep their keys. It may be
// killed at any moment: what is sealed with either key opens, and running it again
// goes on where it stopped. The folder must not be in use. It returns how many
// credentials were sealed anew.
func RotateKey(ctx context.Context, dir string) (int, error) {
	s, err := Open(ctx, dir, Options{})
	if err != nil {
		return 0, fmt.Errorf("the data folder %s cannot be used: %w", dir, err)
	}
	defer s.Close()
	n, err := s.rotateKey(ctx, dir)
	if err != nil {
		return n, fmt.Errorf("after %d credentials: %w; run this again to go on", n, err)
	}
	return n, nil
}

func (s *Store) rotateKey(ctx context.Context, dir string) (int, error) {
	file, err := readKeys(keyPath(dir), false)
	if err != nil {
		return 0, err
	}
	var unfinished int
	if err := s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM credentials WHERE sealed IS NOT NULL AND sealed_by < ?)`, file.newest()).Scan(&unfinished); err != nil {
		return 0, err
	}
	if unfinished == 0 {
		// The new key is on disk before anything is sealed with it.
		file.sealing[file.newest()+1] = randomKey()
		if err := file.write(keyPath(dir)); err != nil {
			return 0, fmt.Errorf("write the new key: %w", err)
		}
		if s.keys, err = file.derive(); err != nil {
			return 0, err
		}
	}
	done := 0
	for {
		n, err := s.rekey(ctx)
		if err != nil {
			return done, err
		}
		if done += n; n == 0 {
			break
		}
	}
	if err := s.rekeyFactors(ctx); err != nil {
		return done, fmt.Errorf("seal the second factors: %w", err)
	}
	if err := s.inTx(ctx, func(t *tx) error {
		value, err := t.setting("smtp_url")
		if err != nil || value == "" {
			return err
		}
		url, err := s.keys.openText(value, smtpSeal)
		if err != nil {
			return err
		}
		return t.setSetting("smtp_url", s.keys.sealText(url, smtpSeal))
	}); err != nil {
		return done, fmt.Errorf("seal the mail server's address: %w", err)
	}
	if _, err := s.write.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return done, err
	}
	for n := range file.sealing {
		if n != file.newest() {
			delete(file.sealing, n)
		}
	}
	return done, file.write(keyPath(dir))
}

// rekey seals one batch of credentials with the newest key.
func (s *Store) rekey(ctx context.Context) (int, error) {
	type row struct {
		id, org, app int64
		publicID     string
		sealed       []byte
		by           int
	}
	n := 0
	err := s.inTx(ctx, func(t *tx) error {
		rows, err := t.rows(`SELECT id, COALESCE(org_id, 0), app_id, public_id, sealed, sealed_by FROM credentials
			WHERE sealed IS NOT NULL AND sealed_by < ? ORDER BY sealed_by, id LIMIT ?`, s.keys.newest, rekeyBatch)
		all, err := list(rows, err, func(r *sql.Rows) (row, error) {
			var k row
			return k, r.Scan(&k.id, &k.org, &k.app, &k.publicID, &k.sealed, &k.by)
		})
		if err != nil {
			return err
		}
		for _, k := range all {
			name := sealName(k.org, k.app, k.publicID)
			value, err := s.keys.open(k.sealed, k.by, name)
			if err != nil {
				return fmt.Errorf("open credential %s: %w", k.publicID, err)
			}
			if _, err := t.exec(`UPDATE credentials SET sealed = ?, sealed_by = ? WHERE id = ?`, s.keys.seal(value, name), s.keys.newest, k.id); err != nil {
				return err
			}
		}
		n = len(all)
		return nil
	})
	return n, err
}

// rekeyFactors seals all second factors with the newest key, in batches.
func (s *Store) rekeyFactors(ctx context.Context) error {
	type row struct {
		user   int64
		sealed []byte
		by     int
	}
	for {
		n := 0
		err := s.inTx(ctx, func(t *tx) error {
			rows, err := t.rows(`SELECT user_id, sealed, sealed_by FROM second_factors WHERE sealed_by < ? ORDER BY sealed_by, user_id LIMIT ?`, s.keys.newest, rekeyBatch)
			all, err := list(rows, err, func(r *sql.Rows) (row, error) {
				var k row
				return k, r.Scan(&k.user, &k.sealed, &k.by)
			})
			if err != nil {
				return err
			}
			for _, k := range all {
				secret, err := s.keys.open(k.sealed, k.by, factorSeal(k.user))
				if err != nil {
					return err
				}
				if _, err := t.exec(`UPDATE second_factors SET sealed = ?, sealed_by = ? WHERE user_id = ?`, s.keys.seal(secret, factorSeal(k.user)), s.keys.newest, k.user); err != nil {
					return err
				}
			}
			n = len(all)
			return nil
		})
		if err != nil || n == 0 {
			return err
		}
	}
}
