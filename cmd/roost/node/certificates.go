package node

import (
	"time"

	"roost/certs"
)

// reloadCertificates takes new certificate files without a restart (SE2).
func (n *Node) reloadCertificates(now time.Time) {
	changed, err := n.certs.Reload(now)
	if err != nil {
		n.journal.raise("certificate-files", n.name, "major", "the new certificate was not taken, the old one stays: "+err.Error(), now)
	} else {
		n.journal.clear("certificate-files", n.name, "the certificate files are good", now)
	}
	if changed {
		n.journal.happened("certificate", n.name, "a new certificate is in force", now)
	}
	n.checkCertificates(now)
}

// checkCertificates raises what is wrong with the certificate in force, or will be
// within 30 days (SE2).
func (n *Node) checkCertificates(now time.Time) {
	c := n.config()
	standing := map[certs.Kind]bool{}
	for _, f := range n.certs.Current().Check(certs.Expect{System: c.System, Addresses: []string{c.Address}, Domain: c.Realm}, now) {
		standing[f.Kind] = true
		severity := "minor"
		if f.Severe {
			severity = "major"
		}
		n.journal.raise("certificate-"+string(f.Kind), n.name, severity, f.Text+"; "+f.Remedy, now)
	}
	for _, kind := range []certs.Kind{certs.KindChain, certs.KindName, certs.KindAddress, certs.KindDomain, certs.KindExpired, certs.KindExpiring} {
		if !standing[kind] {
			n.journal.clear("certificate-"+string(kind), n.name, "", now)
		}
	}
}
