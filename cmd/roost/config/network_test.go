package config

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"roost/certs"
)

// TestNE2_ThirtyTwoSystemsInARing: in one network any system can back up any
// other, and 32 systems are no limit but the size that is tested: each backs up
// the one before it, some far from it by a location, and check has no objection.
func TestNE2_ThirtyTwoSystemsInARing(t *testing.T) {
	const systems = 32
	dir := t.TempDir()
	ca, err := certs.InitDir(dir, begin, 3650*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	name := func(i int) string { return fmt.Sprintf("site%02d", (i+systems)%systems) }
	address := func(i int) string { return fmt.Sprintf("127.0.7.%d", 1+(i+systems)%systems) }
	var loaded []*Config
	for i := range systems {
		identity(t, ca, dir, name(i), address(i))
		lines := ""
		for _, other := range []int{i - 1, i + 1, i + systems/2} {
			asks := ""
			if other == i+1 {
				asks = ", backs_up_my: [phones]"
			}
			lines += fmt.Sprintf("    - {system: %s, address: \"%s:7422\"%s}\n", name(other), address(other), asks)
		}
		text := fmt.Sprintf(`system: %[1]s
address: %[2]s
realm: example.test
certificates: {identity: %[1]s.crt, key: %[1]s.key, trusted_root: root.crt}
network:
  lines:
%[3]slocations:
  - {name: attic, subnets: [192.0.2.0/24], backup: %[4]s}
users:
  - {number: "%[5]d", password: secret}
extensions:
  - {number: "%[5]d", base_user: "%[5]d"}
console: {listen: "%[2]s:8080"}
`, name(i), address(i), lines, name(i+systems/2), 1000+i)
		path := filepath.Join(dir, name(i)+".yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		loaded = append(loaded, load(t, path))
	}
	for _, found := range Check(loaded, begin) {
		if found.Severity != SeverityNote {
			t.Error(found)
		}
	}
	if got, want := loaded[0].FailoverDelay(systems), 7*time.Minute+40*time.Second; got != want {
		t.Errorf("the failover delay of %d systems is %v, want %v", systems, got, want)
	}
}
