package main

// equivalent are the mutations that change nothing anybody could notice, and why:
// another check stands behind each.
var equivalent = map[string]string{
	"SaveProfile: by.UserID == 0": "nobody has no account to be found next",
	"onlyMember: by.IsAdmin()":    "whoever is no portal admin has nothing that it could take away",
}
