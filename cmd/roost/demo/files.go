package demo

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"

	"roost/certs"
)

//go:embed files/london.yaml files/paris.yaml
var samples embed.FS

// The two systems and the domain of the samples.
const (
	domain     = "example.test"
	homeName   = "london"
	backupName = "paris"
)

// prepare puts the sample configurations and fresh certificates into dir. A
// configuration that is there already is left as it is: somebody may have edited
// it, its addresses too, and the certificates are for those.
func prepare(dir string, now time.Time) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the demo's folder: %w", err)
	}
	addresses := make(map[string]string)
	for _, name := range []string{homeName, backupName} {
		content, err := samples.ReadFile("files/" + name + ".yaml")
		if err != nil {
			return err
		}
		path := filepath.Join(dir, name+".yaml")
		edited, err := os.ReadFile(path)
		switch {
		case err == nil:
			content = edited
		case !errors.Is(err, fs.ErrNotExist):
			return err
		default:
			if err := os.WriteFile(path, content, 0o600); err != nil {
				return fmt.Errorf("the demo's configuration: %w", err)
			}
		}
		if addresses[name], err = addressIn(content); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return writeCertificates(dir, addresses, now)
}

// addressIn reads the system's address only: the configuration as a whole cannot
// be loaded before its certificates are there.
func addressIn(content []byte) (string, error) {
	var system struct {
		Address string `yaml:"address"`
	}
	if err := yaml.Unmarshal(content, &system); err != nil {
		return "", err
	}
	if system.Address == "" {
		return "", errors.New("it has no address; give the one that phones are told, such as 127.0.0.11")
	}
	return system.Address, nil
}

// certificateLife is how long the demo's certificates are good for.
const certificateLife = 90 * 24 * time.Hour

// writeCertificates makes a lab CA once, so that a phone that was told to trust its
// root need not be told again, and fresh identities at each start.
func writeCertificates(dir string, addresses map[string]string, now time.Time) error {
	ca, err := certs.OpenDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		ca, err = certs.InitDir(dir, now, 10*365*24*time.Hour)
	}
	if err != nil {
		return err
	}
	for name, address := range addresses {
		request := certs.Request{System: name, Addresses: []string{address}, Domain: domain, ValidFor: certificateLife}
		if _, err := ca.IssueInto(dir, request, now); err != nil {
			return err
		}
	}
	return nil
}
