"""The server: averages what the clients trained, and tests it."""

from flwr.app import ArrayRecord, Context, MetricRecord
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from digits_app.task import load_test, make_model
from footprint.integrations.flower import CarbonRun
from footprint.learning.fedavg import accuracy

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    config = context.run_config

    def test(_: int, arrays: ArrayRecord) -> MetricRecord:
        model = make_model()
        model.load_state_dict(arrays.to_torch_state_dict())
        return MetricRecord({"accuracy": accuracy(model, *load_test())})

    rounds = int(config["num-server-rounds"])
    strategy = FedAvg(fraction_train=float(config["fraction-train"]))
    run = CarbonRun(  # footprint, line 2
        config["journal"],
        run="digits",
        zone=config["zone"],
        device=config["device"],
        functional_unit=f"digit classifier after {rounds} rounds",
    )
    run.start(  # footprint, line 3: in place of strategy.start(grid, ...)
        strategy,
        grid,
        initial_arrays=ArrayRecord(make_model().state_dict()),
        num_rounds=rounds,
        evaluate_fn=test,
    )
