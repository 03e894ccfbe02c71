package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"roost/cmd/roost/console/api"
)

// maxAnswer bounds what a client reads of one answer, in bytes.
const maxAnswer = 64 << 20

// Client speaks to a running system's console.
type Client struct {
	base string
	http *http.Client
}

// NewClient takes "127.0.0.1:8080" or a whole http:// URL.
func NewClient(address string) *Client {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	return &Client{
		base: strings.TrimSuffix(address, "/"),
		http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second}},
	}
}

// Close gives back the client's idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status fetches GET /api/v1/status.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	var status api.Status
	return status, c.call(ctx, http.MethodGet, "/api/v1/status", nil, &status)
}

// Registrations fetches one page of GET /api/v1/registrations.
func (c *Client) Registrations(ctx context.Context, after string, limit int) (api.Registrations, error) {
	var page api.Registrations
	path := fmt.Sprintf("/api/v1/registrations?after=%s&limit=%d", url.QueryEscape(after), limit)
	return page, c.call(ctx, http.MethodGet, path, nil, &page)
}

// Calls fetches GET /api/v1/calls.
func (c *Client) Calls(ctx context.Context, limit int) (api.CallList, error) {
	var list api.CallList
	return list, c.call(ctx, http.MethodGet, fmt.Sprintf("/api/v1/calls?limit=%d", limit), nil, &list)
}

// CallLog fetches GET /api/v1/calllog.
func (c *Client) CallLog(ctx context.Context, number string) (api.CallLog, error) {
	var list api.CallLog
	return list, c.call(ctx, http.MethodGet, "/api/v1/calllog?number="+url.QueryEscape(number), nil, &list)
}

// Command posts body to path ("takeover", "lab/busy", …) and returns what the
// system says. A refusal is an error with the system's own words.
func (c *Client) Command(ctx context.Context, path string, body any) (string, error) {
	var answer api.Answer
	err := c.call(ctx, http.MethodPost, "/api/v1/"+path, body, &answer)
	return answer.Text, err
}

func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("console %s: %w", path, err)
		}
		payload = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, payload)
	if err != nil {
		return fmt.Errorf("console address %q: %w", c.base, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("no system answers at %s: %w", c.base, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("console %s%s broke off: %w", c.base, path, err)
	}
	if response.StatusCode != http.StatusOK {
		var answer api.Answer
		if json.Unmarshal(content, &answer) == nil && answer.Text != "" {
			return fmt.Errorf("%s: %s", response.Status, answer.Text)
		}
		return fmt.Errorf("%s%s answered %s", c.base, path, response.Status)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s%s is not a roost console: %w", c.base, path, err)
	}
	return nil
}
