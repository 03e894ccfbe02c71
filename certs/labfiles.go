package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The names of a lab CA's files in its directory. An identity's are NAME.crt and
// NAME.key.
const (
	rootFile    = "root.crt"
	rootKeyFile = "root.key"
)

// rootName is what the lab CA calls itself.
const rootName = "roost lab CA"

// FilesIn are the files of a system in a lab CA's directory.
func FilesIn(dir, system string) Files {
	return Files{
		Identity:    filepath.Join(dir, system+".crt"),
		Key:         filepath.Join(dir, system+".key"),
		TrustedRoot: filepath.Join(dir, rootFile),
	}
}

// InitDir makes a directory with a new lab CA. It never overwrites a root: that
// would cut off everything that trusts it.
func InitDir(dir string, now time.Time, validFor time.Duration) (*CA, error) {
	for _, name := range []string{rootFile, rootKeyFile} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is there already; issue further identities with it (roost certs issue), or choose another directory", path)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the directory of the CA: %w", err)
	}
	ca, err := NewCA(rootName, now, validFor)
	if err != nil {
		return nil, err
	}
	key, err := ca.KeyPEM()
	if err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(dir, rootKeyFile), key, 0o600); err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(dir, rootFile), ca.RootPEM(), 0o644); err != nil {
		return nil, err
	}
	return ca, nil
}

// OpenDir reads the lab CA that InitDir made.
func OpenDir(dir string) (*CA, error) {
	root, err := readFile(filepath.Join(dir, rootFile))
	if err != nil {
		return nil, fmt.Errorf("no CA in %s (roost certs init makes one): %w", dir, err)
	}
	key, err := readFile(filepath.Join(dir, rootKeyFile))
	if err != nil {
		return nil, fmt.Errorf("no CA in %s (roost certs init makes one): %w", dir, err)
	}
	ca, err := ParseCA(root, key)
	if err != nil {
		return nil, fmt.Errorf("the CA in %s: %w", dir, err)
	}
	return ca, nil
}

// IssueInto issues an identity and writes it as NAME.crt and NAME.key, over those
// that are there. A running system takes the new ones without a restart.
func (ca *CA) IssueInto(dir string, req Request, now time.Time) (Files, error) {
	if req.System == "root" {
		return Files{}, errors.New("a system cannot be called root here: its files would be those of the CA")
	}
	issued, err := ca.Issue(req, now)
	if err != nil {
		return Files{}, err
	}
	files := FilesIn(dir, req.System)
	if err := writeFile(files.Key, issued.Key, 0o600); err != nil {
		return Files{}, err
	}
	if err := writeFile(files.Identity, issued.Certificate, 0o644); err != nil {
		return Files{}, err
	}
	return files, nil
}

// writeFile replaces a file in one step, so that a reader never sees half of it.
func writeFile(path string, data []byte, mode os.FileMode) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	name := temporary.Name()
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(name, path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, errors.Join(err, os.Remove(name)))
	}
	return nil
}
