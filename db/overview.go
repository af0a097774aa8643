package db

import (
	"context"
	"database/sql"
	"slices"

	"portico/portal"
)

// FigureSeries is each of portal.Figures a day, the oldest first, for admins. It is
// read from what was tallied when it happened: no table is counted.
func (s *Store) FigureSeries(ctx context.Context, by portal.Actor) ([][]portal.DayUse, error) {
	if !by.IsAdmin() {
		return nil, portal.ErrNotFound
	}
	first := millis(s.Now())/dayMillis - portal.FigureDays + 1
	all := make([][]portal.DayUse, len(portal.Figures))
	var kinds []portal.AuditKind
	for i, f := range portal.Figures {
		kinds = append(kinds, f.Kinds...)
		all[i] = make([]portal.DayUse, portal.FigureDays)
		for j := range all[i] {
			all[i][j].Day = fromMillis((first + int64(j)) * dayMillis)
		}
	}
	type tally struct {
		what       portal.AuditKind
		day, count int64
	}
	// #nosec G202 -- only placeholders are added
	rows, err := s.read.QueryContext(ctx, `SELECT what, day, count FROM tallies WHERE what IN (`+marks(len(kinds))+`) AND day >= ? AND day < ?`,
		append(anys(kinds), first, first+portal.FigureDays)...)
	tallies, err := list(rows, err, func(r *sql.Rows) (t tally, err error) { return t, r.Scan(&t.what, &t.day, &t.count) })
	for _, t := range tallies {
		for i, f := range portal.Figures {
			if slices.Contains(f.Kinds, t.what) {
				all[i][t.day-first].Count += t.count
			}
		}
	}
	return all, err
}

// SetUpState is what of setting up the database knows; the caller knows how the
// portal is reached.
func (s *Store) SetUpState(ctx context.Context, by portal.Actor) (portal.SetUp, error) {
	var state portal.SetUp
	if !by.IsAdmin() {
		return state, portal.ErrNotFound
	}
	smtp, err := s.MailConfig(ctx)
	if err != nil {
		return state, err
	}
	var admins int
	err = s.read.QueryRowContext(ctx, `SELECT
		COALESCE((SELECT sent_at FROM outbox WHERE state = 'sent' ORDER BY id DESC LIMIT 1), 0) > COALESCE((SELECT at FROM audit WHERE kind = ? ORDER BY at DESC, id DESC LIMIT 1), 0),
		(SELECT count(*) FROM (SELECT 1 FROM users WHERE admin = 1 AND state = 'active' LIMIT 2))`, portal.AuditMailSettings).Scan(&state.Mail, &admins)
	state.Mail = state.Mail && smtp.On()
	state.SecondAdmin = admins > 1
	return state, err
}
