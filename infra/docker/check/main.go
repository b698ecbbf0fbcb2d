// Loads a compose file as `docker compose` does, reads a Dockerfile as BuildKit does, and checks what ours promises of every service.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: check COMPOSE-FILE DOCKERFILE")
		os.Exit(2)
	}
	exitOn(checkDockerfile(os.Args[2]))
	options, err := cli.NewProjectOptions([]string{os.Args[1]},
		cli.WithEnv([]string{"KAFKA_CLUSTER_ID=AAAAAAAAAAAAAAAAAAAAAA"}))
	exitOn(err)
	project, err := options.LoadProject(context.Background())
	exitOn(err)
	faults := 0
	for name, service := range project.Services {
		for _, fault := range faultsOf(service) {
			fmt.Fprintf(os.Stderr, "%s: %s\n", name, fault)
			faults++
		}
	}
	if faults > 0 {
		os.Exit(1)
	}
	fmt.Printf("%d services, %d volumes, %d networks, %d secrets\n",
		len(project.Services), len(project.Volumes), len(project.Networks), len(project.Secrets))
}

func faultsOf(service types.ServiceConfig) []string {
	var faults []string
	need := func(isSo bool, what string) {
		if !isSo {
			faults = append(faults, what)
		}
	}
	_, tag, tagged := strings.Cut(service.Image, ":")
	need(tagged && tag != "latest", "the image has no version")
	need(len(service.CapDrop) == 1 && service.CapDrop[0] == "ALL", "keeps capabilities")
	need(len(service.SecurityOpt) > 0, "may gain privileges")
	need(!service.Privileged, "is privileged")
	need(service.HealthCheck != nil || strings.HasPrefix(service.Image, "tallystick"), "has no health check")
	need(service.Restart == "no" || service.Deploy != nil && service.Deploy.Resources.Limits != nil, "has no limits")
	for _, port := range service.Ports {
		need(port.HostIP != "", "listens on every address of the machine")
	}
	for name, value := range service.Environment {
		secret := strings.Contains(name, "PASSWORD") && !strings.HasSuffix(name, "_FILE")
		need(!secret || value == nil || *value == "", "has a secret in its environment")
	}
	return faults
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
