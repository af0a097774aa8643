package db

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Folder makes the data folder private, or says why it cannot be used.
func Folder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the data folder %s cannot be made: %w", dir, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("the data folder %s cannot be read: %w", dir, err)
	}
	ours := func(f os.DirEntry) bool { return strings.HasPrefix(f.Name(), "portico.") || f.Name() == "instance.key" }
	if len(files) > 0 && !slices.ContainsFunc(files, ours) {
		return fmt.Errorf("the data folder %s holds other things and no Portico: choose an empty or a new one with --data", dir)
	}
	if err := os.Chmod(dir, 0o700); err != nil { // #nosec G302 -- a folder, its owner's alone
		return fmt.Errorf("the data folder %s cannot be made private: %w", dir, err)
	}
	return nil
}

// Lock takes the data folder for this process alone; the lock ends with the
// process, however that ends.
func Lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "portico.lock"), os.O_RDWR|os.O_CREATE, 0o600) // #nosec G304 -- the data folder is the operator's choice
	if err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be used: %w", dir, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		_ = f.Close()
		return nil, fmt.Errorf("the data folder %s is in use by another Portico: stop that one first, or choose another folder with --data", dir)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("the data folder %s cannot be locked: %w", dir, err)
	}
	return f, nil
}
