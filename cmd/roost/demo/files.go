package demo

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"roost/certs"
)

//go:embed files/london.yaml files/paris.yaml
var samples embed.FS

// The two systems and the domain of the samples.
const (
	domain        = "example.test"
	homeName      = "london"
	homeAddress   = "127.0.0.11"
	backupName    = "paris"
	backupAddress = "127.0.0.12"
)

// prepare puts the sample configurations and fresh certificates into dir. A
// configuration that is there already is left as it is: somebody may have edited it.
func prepare(dir string, now time.Time) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the demo's folder: %w", err)
	}
	for _, name := range []string{homeName, backupName} {
		content, err := samples.ReadFile("files/" + name + ".yaml")
		if err != nil {
			return err
		}
		path := filepath.Join(dir, name+".yaml")
		if _, err := os.Stat(path); err == nil {
			continue
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return fmt.Errorf("the demo's configuration: %w", err)
		}
	}
	return writeCertificates(dir, now)
}

// certificateLife is how long the demo's certificates are good for.
const certificateLife = 90 * 24 * time.Hour

// writeCertificates makes a lab CA once, so that a phone that was told to trust its
// root need not be told again, and fresh identities at each start.
func writeCertificates(dir string, now time.Time) error {
	ca, err := certs.OpenDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		ca, err = certs.InitDir(dir, now, 10*365*24*time.Hour)
	}
	if err != nil {
		return err
	}
	for name, address := range map[string]string{homeName: homeAddress, backupName: backupAddress} {
		request := certs.Request{System: name, Addresses: []string{address}, Domain: domain, ValidFor: certificateLife}
		if _, err := ca.IssueInto(dir, request, now); err != nil {
			return err
		}
	}
	return nil
}
