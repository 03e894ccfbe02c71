package console

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rs/zerolog"

	"roost/cmd/roost/console/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeSystem remembers the commands and refuses a take-over of "nowhere".
type fakeSystem struct{ commands []any }

func (f *fakeSystem) Status() api.Status { return api.Status{System: "london", Ready: true} }
func (f *fakeSystem) Registrations(after string, limit int) api.Registrations {
	return api.Registrations{Total: limit, Next: after + "!"}
}
func (f *fakeSystem) Calls(limit int) api.CallList { return api.CallList{Total: limit} }
func (f *fakeSystem) CallLog(number string) api.CallLog {
	return api.CallLog{Number: number, Calls: []api.LogEntry{{Missed: true}}}
}
func (f *fakeSystem) TakeOver(c api.TakeOver) (string, error) {
	if c.Home == "nowhere" {
		return "", errors.New("no home is called nowhere; known: paris")
	}
	return f.did(c)
}
func (f *fakeSystem) Release(c api.Release) (string, error)   { return f.did(c) }
func (f *fakeSystem) Announce(c api.Announce) (string, error) { return f.did(c) }
func (f *fakeSystem) LabBusy(c api.Busy) (string, error)      { return f.did(c) }
func (f *fakeSystem) LabRefuse(c api.Refuse) (string, error)  { return f.did(c) }
func (f *fakeSystem) did(c any) (string, error) {
	f.commands = append(f.commands, c)
	return "done", nil
}

func TestClientAndServerAgree(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	system := &fakeSystem{}
	server := New(listener, zerolog.Nop())
	server.Serve(NewHandler(system, nil))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	client := NewClient(server.Address())
	defer client.Close()

	status, err := client.Status(ctx)
	if err != nil || status.System != "london" || !status.Ready {
		t.Fatalf("status = %+v, %v", status, err)
	}
	if calls, err := client.Calls(ctx, 7); err != nil || calls.Total != 7 {
		t.Errorf("calls = %+v, %v", calls, err)
	}
	if log, err := client.CallLog(ctx, "2 1"); err != nil || log.Number != "2 1" || len(log.Calls) != 1 {
		t.Errorf("log = %+v, %v", log, err)
	}
	if _, err := client.CallLog(ctx, ""); err == nil || !strings.Contains(err.Error(), "whose calls") {
		t.Errorf("nobody's log: %v", err)
	}
	page, err := client.Registrations(ctx, "201", 7)
	if err != nil || page.Total != 7 || page.Next != "201!" {
		t.Fatalf("page = %+v, %v", page, err)
	}
	if text, err := client.Command(ctx, "lab/busy", api.Busy{Number: "201", Busy: true}); err != nil || text != "done" {
		t.Fatalf("busy = %q, %v", text, err)
	}
	_, err = client.Command(ctx, "takeover", api.TakeOver{Home: "nowhere"})
	if err == nil || !strings.Contains(err.Error(), "known: paris") {
		t.Fatalf("a refusal does not carry the system's words: %v", err)
	}
	if len(system.commands) != 1 || system.commands[0] != (api.Busy{Number: "201", Busy: true}) {
		t.Fatalf("commands = %v", system.commands)
	}
	if err := server.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestRefusesWhatABrowserOfAnotherSiteCouldSend(t *testing.T) {
	cases := []struct {
		name, method, host, kind, body string
		want                           int
	}{
		{"by name", "GET", "evil.example", "", "", http.StatusForbidden},
		{"by address", "GET", "127.0.0.1:8080", "", "", http.StatusOK},
		{"by IPv6 address", "GET", "[::1]:8080", "", "", http.StatusOK},
		{"form post", "POST", "127.0.0.1", "text/plain", `{"home":"paris"}`, http.StatusUnsupportedMediaType},
		{"unknown field", "POST", "127.0.0.1", "application/json", `{"house":"paris"}`, http.StatusBadRequest},
		{"too long", "POST", "127.0.0.1", "application/json", `{"home":"` + strings.Repeat("x", maxBody) + `"}`, http.StatusBadRequest},
		{"good", "POST", "127.0.0.1", "application/json; charset=utf-8", `{"home":"paris"}`, http.StatusOK},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := "/api/v1/takeover"
			if c.method == "GET" {
				path = "/api/v1/status"
			}
			request := httptest.NewRequest(c.method, path, strings.NewReader(c.body))
			request.Host = c.host
			if c.kind != "" {
				request.Header.Set("Content-Type", c.kind)
			}
			recorder := httptest.NewRecorder()
			NewHandler(&fakeSystem{}, nil).ServeHTTP(recorder, request)
			if recorder.Code != c.want {
				t.Fatalf("got %d %s, want %d", recorder.Code, recorder.Body, c.want)
			}
		})
	}
}
