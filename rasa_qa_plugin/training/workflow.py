"""A GitHub Actions workflow that retrains when it is due, and says what came of it."""

WORKFLOW = """\
# .github/workflows/rasa-qa.yml, from `rasa-qa init --ci`
# Every night, or at the push of a button: train if enough corrections were merged,
# compare, and show the report. Exit status 3 is the gate's no, not a fault.
name: retrain
on:
  schedule:
    - cron: "30 3 * * *"
  workflow_dispatch:
concurrency: retrain
permissions:
  contents: read
jobs:
  retrain:
    runs-on: ubuntu-latest
    timeout-minutes: 150
    env:
      # What endpoints.yml reads; the database of the running bot.
      RASA_QA_SECRET: ${{ secrets.RASA_QA_SECRET }}
      RASA_QA_TOKEN: ${{ secrets.RASA_QA_TOKEN }}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.10"
          cache: pip
      - run: pip install "rasa-qa-plugin[rasa]"
      - uses: actions/cache@v4
        with:
          path: |
            models
            .rasa
          key: models-${{ github.run_id }}
          restore-keys: models-
      - name: retrain if due
        id: retrain
        run: |
          status=0
          rasa-qa retrain --if-due || status=$?
          for report in .rasa_qa/runs/*/report.md; do
            if [ -e "$report" ]; then cat "$report" >> "$GITHUB_STEP_SUMMARY"; fi
          done
          if [ "$status" -eq 3 ]; then
            echo "::warning::the gate kept the current model; see the summary"
          elif [ "$status" -ne 0 ]; then
            exit "$status"
          fi
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: runs
          include-hidden-files: true
          path: |
            .rasa_qa/runs/*/report.*
            models/*-qa-*.tar.gz
          if-no-files-found: ignore
"""
