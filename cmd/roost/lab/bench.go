package lab

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"

	"roost/certs"
	"roost/cmd/roost/lab/phone"
	"roost/cmd/roost/lab/proxy"
)

// validFor is how long a lab's certificates are good; shorter ones would raise
// alarms (SE2) that are not the scenario's.
const validFor = 90 * 24 * time.Hour

// domain is the SIP domain and realm of every lab.
const domain = "lab.example.test"

// systemNames are what the systems of a lab are called.
func systemNames() map[Role]string { return map[Role]string{Home: "london", Backup: "paris"} }

// bench is what a scenario is set up on: addresses, a folder with certificates
// and configurations, and the line's two directions through a proxy.
type bench struct {
	scenario *Scenario
	speed    int
	place    *place
	folder   string
	at       map[Role]listening
	// lines[role] is dialled by role and leads to the other system; calls[role] is
	// the same for calls. What breaks a line breaks both.
	lines, calls map[Role]*proxy.Proxy
}

// newBench makes everything but processes. The caller closes it.
func newBench(scenario *Scenario, speed int) (b *bench, err error) {
	b = &bench{scenario: scenario, speed: speed, at: map[Role]listening{}, lines: map[Role]*proxy.Proxy{}, calls: map[Role]*proxy.Proxy{}}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.place, err = takePlace(); err != nil {
		return b, err
	}
	if b.folder, err = os.MkdirTemp("", "roost-lab-"+scenario.Name+"-"); err != nil {
		return b, err
	}
	for i, role := range []Role{Home, Backup} {
		if b.at[role], err = b.place.system(byte(11 + i)); err != nil {
			return b, err
		}
	}
	for i, role := range []Role{Home, Backup} {
		through, to := netip.AddrPortFrom(b.place.address(byte(21+i)), 0).String(), b.at[other(role)]
		if b.lines[role], err = proxy.New(through, to.at(to.line)); err != nil {
			return b, err
		}
		if b.calls[role], err = proxy.New(through, to.at(to.calls)); err != nil {
			return b, err
		}
	}
	if err = b.certificates(); err != nil {
		return b, err
	}
	for role := range b.at {
		if err = b.configuration(role); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (b *bench) close() {
	for _, line := range b.proxies() {
		_ = line.Close() // it forwards nothing any more, whatever it says
	}
	if b.place != nil {
		b.place.release()
	}
}

// proxies are all that the line between the systems is made of.
func (b *bench) proxies() []*proxy.Proxy {
	var all []*proxy.Proxy
	for _, group := range []map[Role]*proxy.Proxy{b.lines, b.calls} {
		for _, line := range group {
			if line != nil {
				all = append(all, line)
			}
		}
	}
	return all
}

func (b *bench) path(name string) string { return filepath.Join(b.folder, name) }

// certificates makes a root and both identities; with OtherRoot the backup's
// root is another one: then the phones trust both, and the systems do not.
func (b *bench) certificates() error {
	var roots []byte // of both, for the phones
	now := time.Now()
	ca, err := certs.NewCA("roost lab", now, validFor)
	if err != nil {
		return err
	}
	for _, role := range []Role{Home, Backup} {
		if role == Backup && b.scenario.OtherRoot {
			if ca, err = certs.NewCA("another lab", now, validFor); err != nil {
				return err
			}
		}
		roots = append(roots, ca.RootPEM()...)
		issued, err := ca.Issue(certs.Request{
			System: systemNames()[role], Domain: domain, ValidFor: validFor,
			Addresses: []string{b.at[role].ip.String(), b.place.address(21).String(), b.place.address(22).String()},
		}, now)
		if err != nil {
			return err
		}
		for name, content := range map[string][]byte{
			role + ".crt": issued.Certificate, role + ".key": issued.Key, role + "-root.crt": ca.RootPEM(),
		} {
			if err := os.WriteFile(b.path(name), content, 0o600); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(b.path("roots.crt"), roots, 0o600)
}

// configuration writes a system's file.
func (b *bench) configuration(role Role) error {
	at, peer := b.at[role], systemNames()[other(role)]
	line := map[string]any{"system": peer, "address": b.lines[role].Addr(), "sip": b.calls[role].Addr(), "networking_level": "scn"}
	if role == Home {
		line["backs_up_my"] = []string{"phones"}
	}
	resilience := map[string]any{"pace": min(1000, 10*b.speed)} // 10 a second of rule time
	for key, value := range b.scenario.Resilience {
		resilience[key] = value
	}
	config := map[string]any{
		"system": systemNames()[role], "address": at.ip.String(), "realm": domain,
		"lab": true, "lab_speed": b.speed,
		"certificates": map[string]string{"identity": b.path(role + ".crt"), "key": b.path(role + ".key"), "trusted_root": b.path(role + "-root.crt")},
		"sip": map[string]any{
			"listen":  []string{fmt.Sprintf("udp:%d", at.udp), fmt.Sprintf("tcp:%d", at.udp), fmt.Sprintf("tls:%d", at.tls)},
			"expires": map[string]string{"min": "1s"}, // phones ask for rule time divided by the speed
		},
		"network":    map[string]any{"listen": at.at(at.line), "sip": at.at(at.calls), "lines": []any{line}},
		"resilience": resilience,
		"console":    map[string]string{"listen": at.at(at.console)},
	}
	if len(b.scenario.Media) > 0 {
		config["media"] = b.scenario.Media
	}
	if role == Home {
		users, extensions := b.directory()
		config["users"], config["extensions"] = users, extensions
	}
	content, err := yaml.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(b.path(role+".yaml"), content, 0o600)
}

func (b *bench) directory() (users, extensions []map[string]string) {
	for _, group := range b.scenario.Phones {
		for range group.Count {
			number := b.scenario.Number(len(users))
			users = append(users, map[string]string{"number": number, "name": "Phone " + number, "password": password(number)})
			extension := map[string]string{"number": number, "protocol": "sip", "base_user": number}
			if group.Calls.SRTP == phone.EnforcedSRTP { // else it would be offered less, and refuse
				extension["media_security"] = "enforced"
			}
			extensions = append(extensions, extension)
		}
	}
	return users, extensions
}

func password(number string) string { return "secret" + number }

// fleet describes the phones.
func (b *bench) fleet() phone.Setup {
	setup := phone.Setup{
		Speed: float64(b.speed), Domain: domain, TrustedRoot: b.path("roots.crt"),
		Spread: max(5*time.Second, time.Duration(b.scenario.PhoneCount())*100*time.Millisecond),
		Seed:   uint64(b.place.block),
	}
	for _, role := range []Role{Home, Backup} {
		at := b.at[role]
		setup.Servers = append(setup.Servers, phone.Server{
			Name: role, UDP: at.addrPort(at.udp), TCP: at.addrPort(at.udp), TLS: at.addrPort(at.tls),
		})
	}
	for _, group := range b.scenario.Phones {
		for range group.Count {
			i := len(setup.Phones)
			number := b.scenario.Number(i)
			setup.Phones = append(setup.Phones, phone.Spec{
				Number: number, Password: password(number), Profile: group.Profile, Transport: group.Transport,
				Address: b.place.phone(i), Returns: group.Returns, Subscribes: group.Subscribes, Expires: group.Expires,
				Calls: group.habits(),
			})
		}
	}
	return setup
}
