package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"roost/certs"
)

const day = 24 * time.Hour

// rootDays is how long a lab CA's root is valid.
const rootDays = 3650

// certsCmd is roost certs.
type certsCmd struct {
	Init  certsInit  `cmd:"" help:"Make a lab CA in a directory, and identities for systems."`
	Issue certsIssue `cmd:"" help:"Issue further identities, or renew them, with the lab CA of a directory."`
	Show  certsShow  `cmd:"" help:"Explain certificates in words."`
}

// identities are the options by which init and issue are told of systems.
type identities struct {
	Dir     string   `arg:"" help:"Directory of the lab CA: root.crt, root.key, NAME.crt, NAME.key." type:"path"`
	System  []string `help:"Name of a system; repeat it, each with its --address." placeholder:"NAME" sep:"none"`
	Address []string `help:"IP address or host name of the system, several with commas." placeholder:"ADDRESS" sep:"none"`
	Domain  string   `help:"SIP domain that the certificates cover too (the realm)." placeholder:"DOMAIN"`
	Days    int      `help:"Days that the identities are valid." default:"825"`
}

// requests pairs systems and addresses in their order; one system may take all
// addresses.
func (o *identities) requests() ([]certs.Request, error) {
	if o.Days < 1 || o.Days > rootDays {
		return nil, fmt.Errorf("--days %d: give 1 to %d", o.Days, rootDays)
	}
	addresses := o.Address
	if len(o.System) == 1 && len(addresses) > 1 {
		addresses = []string{strings.Join(addresses, ",")}
	}
	if len(o.System) != len(addresses) {
		return nil, fmt.Errorf("%d --system and %d --address: give one --address for each --system, with commas where a system has several", len(o.System), len(o.Address))
	}
	requests := make([]certs.Request, 0, len(o.System))
	for i, system := range o.System {
		requests = append(requests, certs.Request{
			System:    system,
			Addresses: strings.Split(addresses[i], ","),
			Domain:    o.Domain,
			ValidFor:  time.Duration(o.Days) * day,
		})
	}
	return requests, nil
}

func (o *identities) issue(ca *certs.CA, w *world) error {
	requests, err := o.requests()
	if err != nil {
		return err
	}
	for _, request := range requests {
		files, err := ca.IssueInto(o.Dir, request, w.now())
		if err != nil {
			return fmt.Errorf("issuing for %s: %w", request.System, err)
		}
		if _, err := fmt.Fprintf(w.out, "%s: %s and %s, valid %d days, for %s\n", request.System,
			files.Identity, files.Key, o.Days, strings.Join(request.Addresses, ", ")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
	return nil
}

type certsInit struct {
	identities `embed:""`
}

// Run makes the CA, then the identities.
func (c *certsInit) Run(w *world) error {
	if _, err := c.requests(); err != nil {
		return err // before anything is written
	}
	ca, err := certs.InitDir(c.Dir, w.now(), rootDays*day)
	if err != nil {
		return fmt.Errorf("making the lab CA: %w", err)
	}
	if _, err := fmt.Fprintf(w.out, "lab CA: give %s to phones and systems as their trusted root; keep %s secret\n",
		filepath.Join(c.Dir, "root.crt"), filepath.Join(c.Dir, "root.key")); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return c.issue(ca, w)
}

type certsIssue struct {
	identities `embed:""`
}

// Run issues with the CA that is there.
func (c *certsIssue) Run(w *world) error {
	if len(c.System) == 0 {
		return errors.New("nothing to issue: give --system NAME --address ADDRESS")
	}
	ca, err := certs.OpenDir(c.Dir)
	if err != nil {
		return fmt.Errorf("opening the lab CA: %w", err)
	}
	return c.issue(ca, w)
}

type certsShow struct {
	Files []string `arg:"" help:"PEM files." type:"path"`
	Root  string   `help:"Trusted root to judge them by; without it root.crt beside each file, where there is one." placeholder:"FILE" type:"path"`
}

// Run explains each certificate of each file.
func (c *certsShow) Run(w *world) error {
	for _, path := range c.Files {
		found, err := certs.ReadCertificates(path)
		if err != nil {
			return fmt.Errorf("showing a certificate: %w", err)
		}
		roots, err := c.roots(path)
		if err != nil {
			return err
		}
		for i, cert := range found {
			title := path
			if len(found) > 1 {
				title = fmt.Sprintf("%s, certificate %d of %d", path, i+1, len(found))
			}
			if _, err := fmt.Fprintln(w.out, title); err != nil {
				return fmt.Errorf("writing: %w", err)
			}
			if err := certs.Explain(w.out, cert, found, roots, w.now()); err != nil {
				return fmt.Errorf("showing %s: %w", path, err)
			}
		}
	}
	return nil
}

func (c *certsShow) roots(path string) ([]*x509.Certificate, error) {
	root := c.Root
	if root == "" {
		root = filepath.Join(filepath.Dir(path), "root.crt")
		if _, err := os.Stat(root); err != nil {
			return nil, nil //nolint:nilerr // no root beside it: Explain says that it was not judged
		}
	}
	found, err := certs.ReadCertificates(root)
	if err != nil {
		return nil, fmt.Errorf("the trusted root: %w", err)
	}
	return found, nil
}
