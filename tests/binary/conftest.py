"""What ``make test-binary`` looks at is there only when it was made: `make test` has nothing to do here."""

from tests.support.service import BINARY

collect_ignore_glob = [] if BINARY else ["test_*.py"]
