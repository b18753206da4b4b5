import { useCollection, useView } from '../../state/view.ts'
import { MapPane } from './MapPane.tsx'

/** The map of the open collection. */
export default function MapView() {
  const store = useView((view) => view.store)
  const collection = useCollection()
  if (!store || !collection) return null
  return <MapPane key={`${store.store}/${collection.name}`} store={store} collection={collection} />
}
