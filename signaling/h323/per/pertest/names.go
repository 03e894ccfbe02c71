package pertest

import "encoding/json"

// Names are the names of fields and alternatives in a message's JSON.
func Names(text []byte) (map[string]bool, error) {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	collect(value, names)
	return names, nil
}

func collect(value any, names map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		if _, ok := v["bits"].(float64); ok && len(v) == 2 { // a BIT STRING
			return
		}
		for name, inner := range v {
			names[name] = true
			collect(inner, names)
		}
	case []any:
		for _, inner := range v {
			collect(inner, names)
		}
	}
}
