package db

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

const masterKeyLen = 32

// keys are derived from the master key, one for each use, so that none opens
// what another one closes.
type keys struct {
	links   []byte
	sealing cipher.AEAD  // credentials and the mail server's password
	cursor  cipher.Block // hides row numbers in cursors
	proof   []byte
}

// masterKey reads the installation's key, or makes one beside a new database.
func masterKey(path string, fresh bool) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !fresh {
			return nil, fmt.Errorf("%s is missing, but there is a database: put the key back, it cannot be made again", path)
		}
		return makeMasterKey(path)
	}
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others: chmod 600 it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if key, err := hex.DecodeString(trimNewline(string(text))); err == nil && len(key) == masterKeyLen {
		return key, nil
	}
	return nil, fmt.Errorf("%s is damaged: put the right key back", path)
}

func trimNewline(s string) string {
	for len(s) > 0 && (s[len(s)-1] == '\n' || s[len(s)-1] == '\r') {
		s = s[:len(s)-1]
	}
	return s
}

func makeMasterKey(path string) ([]byte, error) {
	key := make([]byte, masterKeyLen)
	_, _ = rand.Read(key)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteString(hex.EncodeToString(key) + "\n"); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return key, errors.Join(f.Sync(), f.Close())
}

func deriveKeys(master []byte) (keys, error) {
	derive := func(use string) []byte {
		key, err := hkdf.Key(sha256.New, master, nil, "portico "+use, 32)
		if err != nil {
			panic(err) // only for lengths that hkdf cannot give
		}
		return key
	}
	block, err := aes.NewCipher(derive("credentials"))
	if err != nil {
		return keys{}, err
	}
	sealing, err := cipher.NewGCM(block)
	if err != nil {
		return keys{}, err
	}
	cursor, err := aes.NewCipher(derive("cursors"))
	if err != nil {
		return keys{}, err
	}
	return keys{links: derive("links"), sealing: sealing, cursor: cursor, proof: derive("check")}, nil
}

// check is a value by which a database knows its key again.
func (k keys) check() string {
	m := hmac.New(sha256.New, k.proof)
	m.Write([]byte("portico key check"))
	return hex.EncodeToString(m.Sum(nil))
}

// seal encrypts text so that it opens only under the same name: what is copied
// to another row does not decrypt.
func (k keys) seal(text, name string) []byte {
	nonce := make([]byte, k.sealing.NonceSize())
	_, _ = rand.Read(nonce)
	return k.sealing.Seal(nonce, nonce, []byte(text), []byte(name))
}

func (k keys) open(sealed []byte, name string) (string, error) {
	n := k.sealing.NonceSize()
	if len(sealed) < n {
		return "", errors.New("sealed text is too short")
	}
	text, err := k.sealing.Open(nil, sealed[:n], sealed[n:], []byte(name))
	return string(text), err
}

// cursorFor writes a row number so that nobody can read or make one: ids that
// count would tell consumers how much happens elsewhere.
func (s *Store) cursorFor(list string, id int64) string {
	b := make([]byte, aes.BlockSize)
	binary.BigEndian.PutUint64(b, uint64(id))
	copy(b[8:], list)
	s.keys.cursor.Encrypt(b, b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// cursorID reads a cursor of that list; the empty one is the list's beginning,
// and so is one that is not ours.
func (s *Store) cursorID(list, cursor string) (int64, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != aes.BlockSize {
		return 0, false
	}
	s.keys.cursor.Decrypt(b, b)
	want := make([]byte, 8)
	copy(want, list)
	if !hmac.Equal(b[8:], want) {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(b)), true
}
