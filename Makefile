.PHONY: build generate test check demo

build: generate
	go build -o portico .

generate:
	go tool templ generate

test:
	go test ./...

check:
	bash .ci/run

demo:
	go run . demo
