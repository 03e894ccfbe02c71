package config

import (
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// filePrefix marks a secret that is in a file of its own: file:PATH.
const filePrefix = "file:"

var envReference = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// resolve follows ${NAME} and file:PATH. What it finds there may again be ha1:…,
// but no further reference.
func (d *decoder) resolve(node *yaml.Node, written, path string) (string, bool) {
	if name := envReference.FindStringSubmatch(written); name != nil {
		value := d.env(name[1])
		if value == "" {
			d.bad(node, path, path+": the environment variable "+name[1]+" is not set", "set it before the start, or write the value or file:PATH")
			return "", false
		}
		return value, true
	}
	if strings.Contains(written, "${") {
		d.bad(node, path, path+" mixes ${…} with other text", "write ${NAME} alone; the variable holds the whole value")
		return "", false
	}
	name, isFile := strings.CutPrefix(written, filePrefix)
	if !isFile {
		return written, true
	}
	file := relativeTo(d.file, name)
	right := "write file:PATH with a readable file that holds nothing but the value"
	info, err := os.Stat(file)
	if err != nil {
		d.bad(node, path, path+": the file "+file+" cannot be read: "+osReason(err), right)
		return "", false
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		d.bad(node, path, path+": "+file+" is no small text file", right)
		return "", false
	}
	data, err := os.ReadFile(file)
	if err != nil {
		d.bad(node, path, path+": the file "+file+" cannot be read: "+osReason(err), right)
		return "", false
	}
	value := strings.TrimSpace(string(data))
	if value == "" {
		d.bad(node, path, path+": the file "+file+" is empty", right)
		return "", false
	}
	return value, true
}
