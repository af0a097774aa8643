package portal

import (
	"strings"
	"time"
)

// RestoreFor is how long a deleted organization can be restored; then it is purged.
const RestoreFor = 30 * 24 * time.Hour

// RestorableUntil is when a deleted organization is purged.
func (q OrgRequest) RestorableUntil() time.Time { return q.ChangedAt.Add(RestoreFor) }

// Deletion is what deleting an organization would end.
type Deletion struct {
	Members      Count
	Invitations  Count // open ones, which stay revoked
	Applications Count
	Credentials  Count // that work
	UsedToday    Count // of those
}

// TypedName reports whether typed is name, as somebody types it who means it.
func TypedName(typed, name string) bool {
	return strings.Join(strings.Fields(NameKey(typed)), " ") == NameKey(name)
}
