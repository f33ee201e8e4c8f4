"""A client: trains on its own digits, and says how well the shared model does on them."""

import torch
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from digits_app.task import SEED, load_partition, make_model
from footprint.integrations.flower import carbon_mod
from footprint.learning.fedavg import LocalTraining, accuracy, train_locally

app = ClientApp(mods=[carbon_mod(run="digits")])  # footprint, line 1: the first mod of the list


@app.train()
def train(message: Message, context: Context) -> Message:
    model, inputs, targets = prepare(message, context)
    training = LocalTraining(epochs=int(context.run_config["local-epochs"]))
    number = int(message.content["config"]["server-round"])
    train_locally(model, inputs, targets, training, torch.Generator().manual_seed(SEED + number))
    metrics = MetricRecord({"num-examples": len(targets)})
    content = {"arrays": ArrayRecord(model.state_dict()), "metrics": metrics}
    return Message(RecordDict(content), reply_to=message)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    model, inputs, targets = prepare(message, context)
    share = accuracy(model, inputs, targets)
    metrics = MetricRecord({"num-examples": len(targets), "accuracy": share})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)


def prepare(message: Message, context: Context):
    """The model as the server sent it, and this client's digits."""
    model = make_model()
    model.load_state_dict(message.content["arrays"].to_torch_state_dict())
    partition, partitions = (
        int(context.node_config[name]) for name in ("partition-id", "num-partitions")
    )
    return model, *load_partition(partition, partitions)
