package faults

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// keepSecret notes all that may not stand in a log about a number.
func (s *site) keepSecret(number string) {
	ha1 := fmt.Sprintf("%s:%s:%s", number, domain, password(number))
	md5sum, sha := md5.Sum([]byte(ha1)), sha256.Sum256([]byte(ha1))
	s.secrets = append(s.secrets, password(number), "4711"+number+"0815",
		hex.EncodeToString(md5sum[:]), hex.EncodeToString(sha[:]))
}

var (
	// Digests, nonces, keys: nothing else that is logged is as long.
	longHex    = regexp.MustCompile(`[0-9a-fA-F]{32,}`)
	credential = regexp.MustCompile(`(?i)authorization:|digest +username|response="|nonce="|cnonce=|PRIVATE KEY`)
	panicked   = regexp.MustCompile(`(?i)panic|fatal error|goroutine \d+ \[|DATA RACE`)
)

// noSecrets reads the log of a system: no password, digest, key or Authorization header
// stands in it, and no panic.
func (y *system) noSecrets() {
	for number, line := range strings.Split(y.log(), "\n") {
		for _, secret := range y.site.secrets {
			if strings.Contains(strings.ToLower(line), secret) {
				y.t.Errorf("%s: line %d of the log has the secret %q:\n%s", y.name, number+1, secret, line)
			}
		}
		for _, pattern := range []*regexp.Regexp{longHex, credential, panicked} {
			if found := pattern.FindString(line); found != "" {
				y.t.Errorf("%s: line %d of the log has %q:\n%s", y.name, number+1, found, line)
			}
		}
	}
}
