// The custom-resource server of Kubernetes alone, for tests: it serves CustomResourceDefinitions and their resources
// from etcd, and asks nobody who a client is or what it may do.
package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/pflag"
	"go.opentelemetry.io/otel/trace/noop"
	"k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apiextensions-apiserver/pkg/cmd/server/options"
	generated "k8s.io/apiextensions-apiserver/pkg/generated/openapi"
	"k8s.io/apiserver/pkg/endpoints/discovery/aggregated"
	namer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/util/openapi"
	"k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/client-go/kubernetes/scheme"
)

// noServices: a webhook of a definition would be a Service, and there are none.
type noServices struct{}

func (noServices) ResolveEndpoint(namespace, name string, port int32) (*url.URL, error) {
	return nil, fmt.Errorf("there are no services here, so no %s/%s", namespace, name)
}

func run() error {
	o := options.NewCustomResourceDefinitionsServerOptions(os.Stdout, os.Stderr)
	recommended := o.RecommendedOptions
	// All of these ask another API server.
	recommended.Authentication, recommended.Authorization, recommended.Admission, recommended.CoreAPI = nil, nil, nil, nil
	recommended.Features.EnablePriorityAndFairness = false
	flags := pflag.NewFlagSet("crd-server", pflag.ContinueOnError)
	o.AddFlags(flags)
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	if err := o.ServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	if err := o.Complete(); err != nil {
		return err
	}
	if err := o.Validate(); err != nil {
		return err
	}
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	if err := recommended.SecureServing.MaybeDefaultWithSelfSignedCerts("localhost", nil, loopback); err != nil {
		return err
	}
	config := genericserver.NewRecommendedConfig(apiserver.Codecs)
	if err := o.ServerRunOptions.ApplyTo(&config.Config); err != nil {
		return err
	}
	if err := recommended.ApplyTo(config); err != nil {
		return err
	}
	if err := o.APIEnablement.ApplyTo(&config.Config, apiserver.DefaultAPIResourceConfigSource(), apiserver.Scheme); err != nil {
		return err
	}
	definitions := openapi.GetOpenAPIDefinitionsWithoutDisabledFeatures(generated.GetOpenAPIDefinitions)
	names := namer.NewDefinitionNamer(apiserver.Scheme, scheme.Scheme)
	config.OpenAPIConfig = genericserver.DefaultOpenAPIConfig(definitions, names)
	config.OpenAPIV3Config = genericserver.DefaultOpenAPIV3Config(definitions, names)
	extra := apiserver.ExtraConfig{
		CRDRESTOptionsGetter: options.NewCRDRESTOptionsGetter(
			*recommended.Etcd, config.ResourceTransformers, config.StorageObjectCountTracker),
		ServiceResolver: noServices{},
		AuthResolverWrapper: webhook.NewDefaultAuthenticationInfoResolverWrapper(
			nil, nil, config.LoopbackClientConfig, noop.NewTracerProvider()),
	}
	// The list of all groups, which kubectl begins with, is another server's part in a whole kube-apiserver.
	var groups http.Handler
	chain := config.BuildHandlerChainFunc
	config.BuildHandlerChainFunc = func(handler http.Handler, c *genericserver.Config) http.Handler {
		return chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/apis" && groups != nil {
				groups.ServeHTTP(w, r)
			} else {
				handler.ServeHTTP(w, r)
			}
		}), c)
	}
	server, err := (&apiserver.Config{GenericConfig: config, ExtraConfig: extra}).Complete().New(
		genericserver.NewEmptyDelegate())
	if err != nil {
		return err
	}
	generic := server.GenericAPIServer
	manager := generic.AggregatedDiscoveryGroupManager
	groups = aggregated.WrapAggregatedDiscoveryToHandler(generic.DiscoveryGroupManager, manager, nil)
	return generic.PrepareRun().RunWithContext(genericserver.SetupSignalContext())
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
