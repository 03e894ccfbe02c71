package natscarrier

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

func TestPermissions_AreThoseOfTheManual(t *testing.T) {
	p := permissionsFor("london", &Peer{System: "paris", Address: "127.0.0.1:1"})
	want := `publish rpc.london.paris.* repl.london.since.paris.>
hear hb.london repl.london.delta.dir repl.london.delta.*.paris repl.london.answer.paris.> _INBOX.paris.>
`
	member := `publish rpc.london.paris.* repl.london.since.paris.dir
hear hb.london repl.london.delta.dir repl.london.answer.paris.dir _INBOX.paris.>
`
	dials := `publish rpc.london.paris.* repl.london.since.paris.> hb.paris repl.paris.delta.dir repl.paris.delta.*.london repl.paris.answer.london.>
hear hb.london repl.london.delta.dir repl.london.delta.*.paris repl.london.answer.paris.> _INBOX.paris.> rpc.paris.london.* repl.paris.since.london.>
`
	show := func(peer *Peer) string {
		p = permissionsFor("london", peer)
		return "publish " + strings.Join(p.Publish.Allow, " ") + "\nhear " + strings.Join(p.Subscribe.Allow, " ") + "\n"
	}
	for got, want := range map[string]string{
		show(&Peer{System: "paris", Address: "127.0.0.1:1"}):               want,
		show(&Peer{System: "paris", Address: "127.0.0.1:1", Member: true}): member,
		show(&Peer{System: "paris"}):                                       dials,
	} {
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
}

// What the manual tells an operator to configure is what the code says is needed.
func TestOutsidePermissions_AreThoseOfTheManual(t *testing.T) {
	manual, err := os.ReadFile("../../../docs/sharing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(manual), "```conf\nauthorization")
	block, _, ended := strings.Cut(rest, "```")
	if !found || !ended {
		t.Fatal("docs/sharing.md has no authorization block")
	}
	path := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(path, []byte("authorization"+block), 0o600); err != nil {
		t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(opts.Users) != 1 || opts.Users[0].Username != "sipnode://london" {
		t.Fatalf("%+v", opts.Users)
	}
	if got, want := opts.Users[0].Permissions, OutsidePermissions("london"); !reflect.DeepEqual(got, want) {
		t.Errorf("manual:\n%+v %+v %+v\ncode:\n%+v %+v %+v",
			got.Publish, got.Subscribe, got.Response, want.Publish, want.Subscribe, want.Response)
	}
	for _, peer := range []*Peer{{System: "paris", Address: "x"}, {System: "paris", Member: true, Address: "x"}, {System: "paris"}} {
		p := permissionsFor("london", peer)
		for _, subject := range append(p.Publish.Allow, p.Subscribe.Allow...) {
			if !strings.Contains(string(manual), "`"+subject+"`") {
				t.Errorf("docs/sharing.md does not name %s", subject)
			}
		}
	}
}
