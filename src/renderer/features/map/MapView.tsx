import { useCollection, useView } from '../../state/view.ts'
import { MapPane } from './MapPane.tsx'
import styles from './map.module.css'

/** The map of the open collection. */
export default function MapView() {
  const store = useView((view) => view.store)
  const collection = useCollection()
  const beside = useView((view) => view.beside)
  if (!store || !collection) return null
  const key = `${store.store}/${collection.name}`
  // One that was deleted has nothing to show.
  const second = collection.maps.some((map) => map.name === beside)
  return (
    <div className={styles.maps}>
      <MapPane key={key} store={store} collection={collection} />
      {second && <MapPane key={`${key}/beside`} store={store} collection={collection} beside />}
    </div>
  )
}
