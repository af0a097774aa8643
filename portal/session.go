package portal

import (
	"strings"
	"time"
)

// DeviceLife is how long a browser stays known in which somebody has signed in.
const DeviceLife = 180 * 24 * time.Hour

// Session is one browser in which somebody is signed in.
type Session struct {
	ID        string // in addresses; it opens nothing
	Device    string // "Firefox on Linux"
	IP        string
	CreatedAt time.Time
	SeenAt    time.Time
	Current   bool // the one that asks
}

// what stands in a browser's User-Agent, and what people call it. The first that
// is found counts: most browsers also name those they are like.
var (
	browsers = [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS", "Firefox"},
		{"Chrome/", "Chrome"}, {"CriOS", "Chrome"}, {"Safari/", "Safari"}}
	systems = [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
		{"Macintosh", "macOS"}, {"Linux", "Linux"}}
)

// Device says in plain words what a User-Agent claims to be.
func Device(agent string) string {
	browser, system := named(agent, browsers), named(agent, systems)
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser+system != "":
		return browser + system
	}
	// Programs begin with their own name, as "curl/8.5".
	if name, _, _ := strings.Cut(agent, "/"); name != "" && len(name) <= 20 && !strings.ContainsFunc(name, notInName) {
		return name
	}
	return "Unknown device"
}

func named(agent string, names [][2]string) string {
	for _, n := range names {
		if strings.Contains(agent, n[0]) {
			return n[1]
		}
	}
	return ""
}

func notInName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}
