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
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const masterKeyLen = 32

// keys are the keys of an installation. Those for links, cursors, codes and the check
// are derived from the master key, one for each use, so that none opens what
// another one closes. What seals credentials begins as such a key too, number 0,
// and is replaced by further, independent ones when it is rotated.
type keys struct {
	links   []byte
	cursor  cipher.Block // hides row numbers in cursors
	proof   []byte
	audit   []byte              // chains the entries of the audit log
	codes   []byte              // for invite codes
	sealing map[int]cipher.AEAD // credentials and the mail server's password
	newest  int                 // number of the key that seals
}

// keyFile is what instance.key holds: the master key on its first line, and on
// each further line a key for credentials, as "credentials 1 <hex>".
type keyFile struct {
	master  []byte
	sealing map[int][]byte
}

const sealingWord = "credentials"

// readKeys reads the installation's keys, or makes them beside a new database.
func readKeys(path string, fresh bool) (keyFile, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !fresh {
			return keyFile{}, fmt.Errorf("%s is missing, but there is a database: put the key back, it cannot be made again", path)
		}
		k := keyFile{master: randomKey()}
		return k, k.write(path)
	}
	if err != nil {
		return keyFile{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return keyFile{}, fmt.Errorf("%s can be read by others: chmod 600 it", path)
	}
	text, err := os.ReadFile(path) // #nosec G304 -- the data folder's
	if err != nil {
		return keyFile{}, err
	}
	k, err := parseKeys(string(text))
	if err != nil {
		return k, fmt.Errorf("%s is damaged: put the right key back", path)
	}
	return k, nil
}

func randomKey() []byte {
	key := make([]byte, masterKeyLen)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	return key
}

func parseKeys(text string) (keyFile, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	k := keyFile{sealing: map[int][]byte{}}
	var err error
	if k.master, err = parseKey(lines[0]); err != nil {
		return k, err
	}
	for _, line := range lines[1:] {
		words := strings.Fields(line)
		if len(words) != 3 || words[0] != sealingWord {
			return k, errors.New("a line that is no key")
		}
		n, err := strconv.Atoi(words[1])
		if err != nil || n < 1 {
			return k, errors.New("a key without a number")
		}
		if _, twice := k.sealing[n]; twice {
			return k, errors.New("two keys of one number")
		}
		if k.sealing[n], err = parseKey(words[2]); err != nil {
			return k, err
		}
	}
	return k, nil
}

func parseKey(text string) ([]byte, error) {
	key, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != masterKeyLen {
		return nil, errors.New("not a key")
	}
	return key, nil
}

// write puts the keys on disk: whole, or not at all.
func (k keyFile) write(path string) error {
	var text strings.Builder
	text.WriteString(hex.EncodeToString(k.master) + "\n")
	for _, n := range slices.Sorted(maps.Keys(k.sealing)) {
		fmt.Fprintf(&text, "%s %d %s\n", sealingWord, n, hex.EncodeToString(k.sealing[n]))
	}
	fresh := path + ".new"
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // #nosec G304 -- the data folder's
	if err != nil {
		return err
	}
	_, err = f.WriteString(text.String())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// newest is the number of the key that seals.
func (k keyFile) newest() int {
	n := 0
	for i := range k.sealing {
		n = max(n, i)
	}
	return n
}

func (k keyFile) derive() (keys, error) {
	derive := func(use string) []byte {
		key, err := hkdf.Key(sha256.New, k.master, nil, "portico "+use, 32)
		if err != nil {
			panic(err) // only for lengths that hkdf cannot give
		}
		return key
	}
	all := keys{links: derive("links"), proof: derive("check"), audit: derive("audit"), codes: derive("codes"), sealing: map[int]cipher.AEAD{}, newest: k.newest()}
	var err error
	if all.cursor, err = aes.NewCipher(derive("cursors")); err != nil {
		return all, err
	}
	for n, key := range k.sealing {
		if all.sealing[n], err = newAEAD(key); err != nil {
			return all, err
		}
	}
	all.sealing[0], err = newAEAD(derive("credentials"))
	return all, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// check is a value by which a database knows its key again.
func (k keys) check() string {
	m := hmac.New(sha256.New, k.proof)
	m.Write([]byte("portico key check"))
	return hex.EncodeToString(m.Sum(nil))
}

// seal encrypts text with the newest key so that it opens only under the same
// name: what is copied to another row does not decrypt.
func (k keys) seal(text, name string) []byte {
	aead := k.sealing[k.newest]
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce)
	return aead.Seal(nonce, nonce, []byte(text), []byte(name))
}

// open decrypts what was sealed by the key with that number.
func (k keys) open(sealed []byte, by int, name string) (string, error) {
	aead, ok := k.sealing[by]
	if !ok {
		return "", fmt.Errorf("instance.key has no credentials key number %d", by)
	}
	n := aead.NonceSize()
	if len(sealed) < n {
		return "", errors.New("sealed text is too short")
	}
	text, err := aead.Open(nil, sealed[:n], sealed[n:], []byte(name))
	return string(text), err
}

// cursorFor writes a row number so that nobody can read or make one: ids that
// count would tell consumers how much happens elsewhere.
func (s *Store) cursorFor(list string, id int64) string {
	b := make([]byte, aes.BlockSize)
	binary.BigEndian.PutUint64(b, uint64(id)) // #nosec G115 -- cursorID reads the same 64 bits back
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
	return int64(binary.BigEndian.Uint64(b)), true // #nosec G115 -- the 64 bits that cursorFor wrote
}
