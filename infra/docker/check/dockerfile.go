package main

import (
	"fmt"
	"os"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// checkDockerfile wants a file that BuildKit reads, whose last stage does not run as root and says when it is healthy.
func checkDockerfile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	tree, err := parser.Parse(file)
	if err != nil {
		return err
	}
	stages, _, err := instructions.Parse(tree.AST, nil)
	if err != nil {
		return err
	}
	user, healthy := "root", false
	for _, command := range stages[len(stages)-1].Commands {
		switch command := command.(type) {
		case *instructions.UserCommand:
			user = command.User
		case *instructions.HealthCheckCommand:
			healthy = true
		}
	}
	if user == "root" || user == "0" {
		return fmt.Errorf("%s: the image runs as root", path)
	}
	if !healthy {
		return fmt.Errorf("%s: the image has no health check", path)
	}
	return nil
}
