package console

import (
	"encoding/json"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"roost/cmd/roost/console/api"
)

// maxBody bounds a command's body in bytes; maxPage bounds one page of registrations.
const (
	maxBody = 64 << 10
	maxPage = 1000
)

// NewHandler serves source under /api/v1 and, where metrics is not nil, metrics
// under /metrics.
func NewHandler(source Source, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, source.Status())
	})
	mux.HandleFunc("GET /api/v1/registrations", func(w http.ResponseWriter, r *http.Request) {
		limit, err := pageSize(r.URL.Query().Get("limit"))
		if err != nil {
			write(w, http.StatusBadRequest, api.Answer{Text: err.Error()})
			return
		}
		write(w, http.StatusOK, source.Registrations(r.URL.Query().Get("after"), limit))
	})
	mux.HandleFunc("GET /api/v1/calls", func(w http.ResponseWriter, r *http.Request) {
		limit, err := pageSize(r.URL.Query().Get("limit"))
		if err != nil {
			write(w, http.StatusBadRequest, api.Answer{Text: err.Error()})
			return
		}
		write(w, http.StatusOK, source.Calls(limit))
	})
	mux.HandleFunc("GET /api/v1/calllog", func(w http.ResponseWriter, r *http.Request) {
		number := r.URL.Query().Get("number")
		if number == "" {
			write(w, http.StatusBadRequest, api.Answer{Text: "say whose calls: ?number=201"})
			return
		}
		write(w, http.StatusOK, source.CallLog(number))
	})
	mux.Handle("POST /api/v1/takeover", command(source.TakeOver))
	mux.Handle("POST /api/v1/release", command(source.Release))
	mux.Handle("POST /api/v1/announce", command(source.Announce))
	mux.Handle("POST /api/v1/lab/busy", command(source.LabBusy))
	mux.Handle("POST /api/v1/lab/refuse", command(source.LabRefuse))
	if metrics != nil {
		mux.Handle("GET /metrics", metrics)
	}
	return sameMachine(mux)
}

// sameMachine refuses requests whose Host is a name: a page of another site that
// had its own name resolve to our address (DNS rebinding) would carry one.
func sameMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !addressedByIP(r.Host) {
			write(w, http.StatusForbidden, api.Answer{
				Text: fmt.Sprintf("the console answers to an IP address or localhost, not to the name %q", r.Host)})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func addressedByIP(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// command turns a POST with a JSON body into one call. A wrong body is 400, a
// refusal of the system 409.
func command[T any](do func(T) (string, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if media != "application/json" {
			write(w, http.StatusUnsupportedMediaType, api.Answer{Text: "a command is sent as Content-Type: application/json"})
			return
		}
		var body T
		reader := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		reader.DisallowUnknownFields()
		if err := reader.Decode(&body); err != nil {
			write(w, http.StatusBadRequest, api.Answer{Text: fmt.Sprintf("the body is not the JSON this command takes: %v", err)})
			return
		}
		text, err := do(body)
		if err != nil {
			write(w, http.StatusConflict, api.Answer{Text: err.Error()})
			return
		}
		write(w, http.StatusOK, api.Answer{OK: true, Text: text})
	})
}

func pageSize(text string) (int, error) {
	if text == "" {
		return maxPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, fmt.Errorf("limit is %q; it takes a whole number from 1 to %d", text, maxPage)
	}
	return n, nil
}

func write(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	// A client that went away while we wrote is not ours to report.
	_ = encoder.Encode(body)
}
