"""Promote: give the model of a sweep's best trial the alias ``best``."""

import argparse

import forebear


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", help="id of the sweep")
    parser.add_argument("--metric", default="accuracy", help="the larger the better")
    args = parser.parse_args()

    api = forebear.Api(project="digits")
    order = f"-summary_metrics.{args.metric},+created_at"
    trials = api.runs(filters={"sweep": args.sweep, "state": "finished"}, order=order)
    best = trials[0]
    (model,) = [made for made in best.logged_artifacts() if made.type == "model"]
    model.aliases.append("best")
    model.save()
    print(f"{model.name} is the best of {len(trials)} trials: {args.metric} {best.summary[args.metric]:.1%}")


if __name__ == "__main__":
    main()
