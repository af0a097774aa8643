package portal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// LinkPurpose says what a link is for. A link for one purpose opens nothing else.
type LinkPurpose byte

// The purposes.
const (
	LinkInvitation LinkPurpose = 'i'
	LinkProof      LinkPurpose = 'v' // proves an address
	LinkReset      LinkPurpose = 'r' // sets a new password
	LinkSetup      LinkPurpose = 's' // makes the first admin
	LinkEmail      LinkPurpose = 'e' // proves the address an account is to get
)

// LinkKind tells how a link reached its holder. Only a mailed one proves an
// address.
type LinkKind byte

// The kinds.
const (
	Mailed LinkKind = 'm'
	Copied LinkKind = 'c'
)

// Link is what a token says. The token itself is stored nowhere: it is derived
// when a mail is sent or a link is copied.
type Link struct {
	Purpose LinkPurpose
	Kind    LinkKind
	Version int64
	ID      string // public id of the row it belongs to
}

// LinkKey signs and checks links. Key is secret; Epoch is a random value of the
// installation, changed when a backup is restored, which ends all older links.
type LinkKey struct {
	Key   []byte
	Epoch string
}

// PublicIDLen is the length of the random ids in addresses, in characters.
const PublicIDLen = 26

const linkHead = 1 + 1 + 8 + PublicIDLen

var linkEncoding = base64.RawURLEncoding.Strict()

// Token writes l as text that is safe in an address.
func (k LinkKey) Token(l Link) string {
	b := make([]byte, 0, linkHead+sha256.Size)
	b = append(b, byte(l.Purpose), byte(l.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(l.Version)) // #nosec G115 -- Parse reads the same 64 bits back
	b = append(b, l.ID...)
	return linkEncoding.EncodeToString(append(b, k.mac(b)...))
}

// Parse reads a token for that purpose. It reports false for anything that this
// installation has not made for it.
func (k LinkKey) Parse(purpose LinkPurpose, token string) (Link, bool) {
	if len(token) != linkEncoding.EncodedLen(linkHead+sha256.Size) {
		return Link{}, false
	}
	b, err := linkEncoding.DecodeString(token)
	if err != nil || !hmac.Equal(b[linkHead:], k.mac(b[:linkHead])) {
		return Link{}, false
	}
	version := int64(binary.BigEndian.Uint64(b[2:])) // #nosec G115 -- the 64 bits that Token wrote
	l := Link{Purpose: LinkPurpose(b[0]), Kind: LinkKind(b[1]), Version: version, ID: string(b[10:linkHead])}
	return l, l.Purpose == purpose
}

func (k LinkKey) mac(head []byte) []byte {
	m := hmac.New(sha256.New, k.Key)
	m.Write([]byte("portico link\x00"))
	m.Write([]byte(k.Epoch))
	m.Write([]byte{0})
	m.Write(head)
	return m.Sum(nil)
}
