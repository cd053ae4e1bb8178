"""FastAPI that runs `model.predict` in the request: `uvicorn benchmarks.peers.fastapi_app:app`."""

from fastapi import FastAPI, UploadFile

from benchmarks.peers.classifier import Answer, PlainClassifier

app = FastAPI()
classifier = PlainClassifier()


@app.post("/classify")
async def classify(image: UploadFile) -> Answer:
    return classifier.classify([await image.read()])[0]
