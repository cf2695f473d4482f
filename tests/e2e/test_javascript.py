"""The AWS SDK for JavaScript v3 as a client: every operation, and the `sync-` host prefix."""
import subprocess
import unittest

from support import ROOT, ServerCase, make_role, trust

FOLDER = ROOT / "tests/js"


class JavaScript(ServerCase):
    def test_tour(self):
        self.assertTrue((FOLDER / "node_modules").is_dir(),
                        "no node_modules: run `npm ci` in tests/js (tests/run does)")
        # The account that has nothing but what the tour pages through.
        iam = self.server.client("iam", keys=("111122223333", "x", None))
        pages_role = make_role(iam, "states", trust("states.amazonaws.com"))
        run = subprocess.run(["node", str(FOLDER / "tour.mjs"), self.server.endpoint, self.role,
                              pages_role], capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("37 operations", run.stdout)


if __name__ == "__main__":
    unittest.main()
