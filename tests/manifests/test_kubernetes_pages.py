"""What docs/howto says of Kubernetes can be done: its Secrets are made by a real kubectl, its overlay renders."""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.parts.manifests import K8S, KUBECTL, ROOT, VARIANTS, containers, named, pods, rendered
from tests.parts.pod_environment import environment

INSTALL, TLS, AKS = (ROOT / f"docs/howto/{name}.md" for name in ("kubernetes-install", "tls-and-acl", "aks"))
_SECRET = re.compile(r"^    (kubectl -n \S+ create secret .*)$", re.MULTILINE)


def secret_commands() -> list[str]:
    """Return the commands of the pages that make Secrets, each in one line."""
    pages = "".join(page.read_text() for page in (INSTALL, TLS))
    return _SECRET.findall(re.sub(r"\\\n\s*", "", pages))


def kubectl(command: str, folder: Path) -> str:
    """Run a command of kubectl in a folder, without a cluster."""
    words = f"{KUBECTL} {command.removeprefix('kubectl ')} --dry-run=client -o yaml"
    environment = {"KUBECONFIG": os.devnull, "PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(words, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def wanted() -> set[tuple[str, str, str]]:
    """Return what production mounts or reads of Secrets: namespace, name, key."""
    found = set()
    for namespace in ("leeward", "leeward-vmwatch"):
        for pod in pods(rendered("production"), namespace):
            for secret in (volume["secret"] for volume in pod["spec"]["volumes"] if "secret" in volume):
                found |= {(namespace, secret["secretName"], item["key"]) for item in secret["items"]}
            for variable in (one for each in containers(pod) for one in each.get("env", ())):
                if (reference := variable.get("valueFrom", {}).get("secretKeyRef")) is not None:
                    found.add((namespace, reference["name"], reference["key"]))
    return found


def make_certificates(folder: Path) -> None:
    """Make the files that the commands read: by the page's own where it has some."""
    blocks = re.findall(r"^    (?:openssl req|for name in) .*\n(?:^    .*\n)*", TLS.read_text(), re.MULTILINE)
    for block in blocks:
        subprocess.run(block, shell=True, cwd=folder, capture_output=True, check=True)
    for name in ("authority", "api"):
        for ending in ("crt", "key"):
            (folder / f"{name}.{ending}").write_bytes((folder / f"ca.{ending}").read_bytes())
    for name in ("tokens", "keys"):
        (folder / name).write_text("#\n")


def test_the_commands_of_the_pages_make_every_secret_that_pods_want(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    made = [yaml.safe_load(kubectl(command, tmp_path)) for command in secret_commands()]
    keys = {(each["metadata"]["namespace"], each["metadata"]["name"], key) for each in made for key in each["data"]}
    assert wanted() - keys == set()
    assert ("leeward-vmwatch", "leeward-bus-authority", "tls.key") in keys


def test_the_overlay_of_the_page_renders_and_sets_what_it_says(tmp_path: Path) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", INSTALL.read_text(), re.DOTALL)
    place = tmp_path.resolve()
    (place / "kustomization.yaml").write_text(example.replace("../leeward", os.path.relpath(ROOT, place)))
    done = subprocess.run([str(KUBECTL), "kustomize", str(place)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    objects = list(yaml.safe_load_all(done.stdout))
    [scheduler] = containers(named(objects, "Deployment", "leeward-scheduler")["spec"]["template"])
    assert scheduler["image"].startswith("registry.example/leeward-scheduler:")
    assert environment(scheduler, objects)["LEEWARD_APPROVE"] == "all"


def test_the_page_tells_of_every_component_and_overlay() -> None:
    page = INSTALL.read_text()
    assert {name for name in (each.name for each in (K8S / "components").iterdir()) if f"`{name}`" not in page} == set()
    assert {overlay for overlay, _ in VARIANTS.values()} == {"local", "production", "aks"}


def test_what_the_pages_name_in_k8s_is_there() -> None:
    pages = "".join(page.read_text() for page in (INSTALL, TLS, AKS, ROOT / "docs/kubernetes.md"))
    paths = set(re.findall(r"\bk8s/[\w./-]*\w", pages))
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert len(paths) > 8


def test_the_pages_let_in_by_the_labels_that_the_policies_ask_for() -> None:
    labels = set(re.findall(r"kubectl label namespace \S+ (leeward\.io/\w+)=allowed", INSTALL.read_text()))
    asked = {
        name
        for policy in (each for each in rendered("production") if each["kind"] == "NetworkPolicy")
        for rule in policy["spec"].get("ingress", ())
        for peer in rule["from"]
        for name in peer.get("namespaceSelector", {}).get("matchLabels", {})
        if name.startswith("leeward.io/")
    }
    assert labels == asked


def test_the_address_of_the_database_says_by_what_its_certificate_is_verified() -> None:
    [url] = re.findall(r"--from-literal=url='(.*)'", INSTALL.read_text())
    options = parse_qs(urlsplit(url).query)
    assert options == {"sslmode": ["verify-full"], "sslrootcert": ["/etc/ssl/certs/ca-certificates.crt"]}
